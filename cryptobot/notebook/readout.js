// Named texts in fixed places: nothing moves when a value arrives, and no text is ever read as HTML.

function build(model, el) {
  const kind = model.get("kind");
  el.classList.add("cb-readout", `cb-${kind}`);
  const places = new Map();
  for (const [key, label] of model.get("slots")) {
    const slot = document.createElement("div");
    slot.className = "cb-slot";
    slot.dataset.key = key;
    const parts = {};
    for (const part of ["label", "value", "note"]) {
      parts[part] = document.createElement("div");
      parts[part].className = `cb-${part}`;
      slot.append(parts[part]);
    }
    parts.label.textContent = label;
    places.set(key, { slot, ...parts });
    el.append(slot);
  }

  const set = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };
  const update = () => {
    const values = model.get("values");
    for (const [key, place] of places) {
      const { text = "", tone = "", note = "", title = "" } = values[key] ?? {};
      set(place.value, text);
      set(place.note, note);
      if (place.slot.dataset.tone !== tone) place.slot.dataset.tone = tone;
      if (place.slot.title !== title) place.slot.title = title;
    }
  };
  update();
  model.on("change:values", update);
  return () => model.off("change:values", update);
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
