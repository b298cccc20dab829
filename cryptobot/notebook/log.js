// The newest lines of the bot's log, with a search, a filter by level and a button that copies what is shown. New lines
// are appended, so that a selection and the scroll position survive; every text is set by textContent: no line is ever
// read as HTML.

const LEVELS = ["debug", "info", "warning", "error"];

function make(parent, tag, name, attributes = {}) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages that are not served securely have no clipboard: a hidden field and the older command do.
    const field = make(document.body, "textarea", "", { "aria-hidden": "true", style: "position:fixed;opacity:0" });
    field.value = text;
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

function build(model, el) {
  el.classList.add("cb-log-view");
  const tools = make(el, "div", "cb-log-tools");
  const search = make(tools, "input", "cb-log-search", {
    type: "search", placeholder: "Search the log", "aria-label": "Search the log", "data-lm-suppress-shortcuts": "true",
  });
  const level = make(tools, "select", "cb-log-level", { "aria-label": "Least level that is shown" });
  [["debug", "Everything"], ["info", "From info"], ["warning", "Warnings and errors"], ["error", "Errors only"]].forEach(
    ([value, text]) => {
      make(level, "option", "", { value }).textContent = text;
    },
  );
  const count = make(tools, "span", "cb-log-count", { role: "status" });
  const button = make(tools, "button", "cb-log-copy", { type: "button", title: "Copy the lines that are shown" });
  button.textContent = "Copy";
  const box = make(el, "div", "cb-scroll cb-log", { role: "log", "aria-label": "Log of the bot" });
  box.tabIndex = 0;
  const empty = make(el, "div", "cb-empty");

  const row = ([id, time, rank, text]) => {
    const line = document.createElement("div");
    line.className = "cb-line";
    line.dataset.id = id;
    line.dataset.level = rank;
    for (const [name, content] of [["time", time], ["level", rank.toUpperCase()], ["text", text]]) {
      make(line, "span", `cb-line-${name}`).textContent = content;
    }
    return line;
  };

  const words = () => search.value.trim().toLowerCase();
  const filter = () => {
    const wanted = words();
    const least = LEVELS.indexOf(level.value);
    let shown = 0;
    for (const line of box.children) {
      const fits = LEVELS.indexOf(line.dataset.level) >= least && line.textContent.toLowerCase().includes(wanted);
      line.hidden = !fits;
      shown += fits;
    }
    const all = box.children.length;
    count.textContent = shown === all ? `${all} lines` : `${shown} of ${all} lines`;
    empty.hidden = shown !== 0;
    empty.textContent = all ? "No line fits the search." : "Nothing has happened yet. Press Start.";
    box.hidden = shown === 0;
  };
  button.addEventListener("click", async () => {
    const lines = [...box.children].filter((line) => !line.hidden);
    const done = await copy(lines.map((line) => [...line.children].map((part) => part.textContent).join("  ")).join("\n"));
    button.textContent = done ? "Copied" : "Not allowed";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  search.addEventListener("input", filter);
  level.addEventListener("change", filter);

  let last = -1;
  const update = () => {
    const lines = model.get("lines");
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    const first = lines.length ? lines[0][0] : Infinity;
    if (lines.length && lines[lines.length - 1][0] < last) {
      box.replaceChildren(); // another log: start afresh
      last = -1;
    }
    while (box.firstChild && Number(box.firstChild.dataset.id) < first) box.firstChild.remove();
    for (const line of lines) {
      if (line[0] <= last) continue;
      box.append(row(line));
      last = line[0];
    }
    filter();
    if (atEnd) box.scrollTop = box.scrollHeight;
  };
  update();
  model.on("change:lines", update);
  // A hidden tab has no height: go to the newest line when it is opened.
  const observer = new ResizeObserver(() => {
    box.scrollTop = box.scrollHeight;
  });
  observer.observe(box);
  return () => {
    observer.disconnect();
    model.off("change:lines", update);
  };
}

function render({ model, el }) {
  try {
    return build(model, el);
  } catch (error) {
    reportError(error); // the panel's pulse passes it on to Python
    throw error;
  }
}

export default { render };
