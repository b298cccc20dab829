// A table of texts. Every cell is set by textContent: no text is ever read as HTML.

function build(model, el) {
  el.classList.add("cb-table-view");
  const scroll = document.createElement("div");
  scroll.className = "cb-scroll";
  scroll.tabIndex = 0;
  const table = document.createElement("table");
  const caption = table.createCaption();
  const head = table.createTHead().insertRow();
  for (const [label, align] of model.get("columns")) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = label;
    cell.dataset.align = align;
    head.append(cell);
  }
  const body = table.createTBody();
  scroll.append(table);
  const empty = document.createElement("div");
  empty.className = "cb-empty";
  const note = document.createElement("div");
  note.className = "cb-table-note";
  el.append(scroll, empty, note);

  const update = () => {
    const columns = model.get("columns");
    const rows = model.get("rows");
    caption.textContent = model.get("title");
    scroll.setAttribute("aria-label", model.get("title"));
    body.replaceChildren(
      ...rows.map((row) => {
        const line = document.createElement("tr");
        row.forEach(([text, tone], column) => {
          const cell = line.insertCell();
          cell.textContent = text;
          cell.dataset.align = columns[column][1];
          if (tone) cell.dataset.tone = tone;
        });
        return line;
      }),
    );
    scroll.hidden = rows.length === 0;
    empty.hidden = rows.length !== 0;
    empty.textContent = model.get("empty");
    note.textContent = model.get("note");
  };
  update();
  const events = ["change:rows", "change:note", "change:empty"];
  events.forEach((event) => model.on(event, update));
  return () => events.forEach((event) => model.off(event, update));
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
