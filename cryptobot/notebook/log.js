// The newest lines of the bot's log. New lines are appended, so that a selection and the scroll position survive; every
// text is set by textContent: no line is ever read as HTML.

function build(model, el) {
  el.classList.add("cb-log-view");
  const box = document.createElement("div");
  box.className = "cb-scroll cb-log";
  box.setAttribute("role", "log");
  box.setAttribute("aria-label", "Log of the bot");
  box.tabIndex = 0;
  const empty = document.createElement("div");
  empty.className = "cb-empty";
  empty.textContent = "Nothing has happened yet. Press Start.";
  el.append(box, empty);

  const row = ([id, time, level, text]) => {
    const line = document.createElement("div");
    line.className = "cb-line";
    line.dataset.id = id;
    line.dataset.level = level;
    for (const [name, content] of [["time", time], ["level", level.toUpperCase()], ["text", text]]) {
      const part = document.createElement("span");
      part.className = `cb-line-${name}`;
      part.textContent = content;
      line.append(part);
    }
    return line;
  };

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
    empty.hidden = lines.length !== 0;
    box.hidden = lines.length === 0;
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
