// A table of texts that can be sorted by its heads and chosen from by its rows. Every cell is set by textContent: no text
// is ever read as HTML.

function build(model, el) {
  el.classList.add("cb-table-view");
  const scroll = document.createElement("div");
  scroll.className = "cb-scroll";
  scroll.tabIndex = 0;
  const table = document.createElement("table");
  const caption = table.createCaption();
  const head = table.createTHead().insertRow();
  const body = table.createTBody();
  scroll.append(table);
  const empty = document.createElement("div");
  empty.className = "cb-empty";
  const note = document.createElement("div");
  note.className = "cb-table-note";
  el.append(scroll, empty, note);

  // Sorting is the page's own: -1 is the order that Python gave.
  let by = -1;
  let falling = false;
  const heads = model.get("columns").map(([label, align], column) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.dataset.align = align;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "cb-sort";
    button.textContent = label;
    button.title = `Sort by ${label}`;
    button.addEventListener("click", () => {
      if (by !== column) [by, falling] = [column, align === "right"];
      else if (falling === (align === "right")) falling = !falling;
      else by = -1;
      update();
    });
    cell.append(button);
    head.append(cell);
    return cell;
  });
  const sorted = (rows) => {
    if (by < 0) return rows;
    const key = (row) => row.cells[by][2] ?? row.cells[by][0];
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    return [...rows].sort((a, b) => (falling ? -1 : 1) * compare(key(a), key(b)));
  };

  const choose = (id) => {
    model.set("chosen", id);
    model.save_changes();
  };
  const line = (row) => {
    const node = document.createElement("tr");
    row.cells.forEach(([text, tone], column) => {
      const cell = node.insertCell();
      cell.textContent = text;
      cell.dataset.align = model.get("columns")[column][1];
      if (tone) cell.dataset.tone = tone;
    });
    if (model.get("hint")) {
      node.tabIndex = 0;
      node.title = model.get("hint");
      node.dataset.id = row.id;
      node.addEventListener("click", () => choose(row.id));
      node.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        choose(row.id);
      });
    }
    return node;
  };

  const mark = () => {
    for (const node of body.rows) {
      const chosen = model.get("chosen") !== "" && node.dataset.id === model.get("chosen");
      node.classList.toggle("cb-chosen", chosen);
      if (model.get("hint")) node.setAttribute("aria-selected", String(chosen));
    }
  };
  const update = () => {
    const rows = model.get("rows");
    caption.textContent = model.get("title");
    scroll.setAttribute("aria-label", model.get("title"));
    heads.forEach((cell, column) => {
      cell.setAttribute("aria-sort", column !== by ? "none" : falling ? "descending" : "ascending");
    });
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    body.replaceChildren(...sorted(rows).map(line));
    if (focused) [...body.rows].find((node) => node.dataset.id === focused)?.focus({ preventScroll: true });
    scroll.hidden = rows.length === 0;
    empty.hidden = rows.length !== 0;
    empty.textContent = model.get("empty");
    note.textContent = model.get("note");
    mark();
  };
  update();
  const events = ["change:rows", "change:note", "change:empty"];
  events.forEach((event) => model.on(event, update));
  model.on("change:chosen", mark);
  return () => {
    events.forEach((event) => model.off(event, update));
    model.off("change:chosen", mark);
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
