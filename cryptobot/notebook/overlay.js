// What lies over the panes of a chart: legends, price tags and the crosshair. It takes no mouse events itself, so that
// panning and zooming of the chart below go on working. All positions follow from the domains that Python set.

function element(parent, name) {
  const node = document.createElement("div");
  node.className = name;
  parent.append(node);
  return node;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function number(value, pane) {
  const scaled = value * (pane.factor ?? 1);
  return scaled.toLocaleString("en-US", { minimumFractionDigits: pane.digits, maximumFractionDigits: pane.digits });
}

function build(model, el) {
  el.classList.add("cb-overlay");
  const legends = element(el, "cb-legends");
  const tags = element(el, "cb-tags");
  const vertical = element(el, "cb-cross-v");
  const horizontal = element(el, "cb-cross-h");
  const valueTag = element(el, "cb-cross-value");
  const timeTag = element(el, "cb-cross-time");
  const notice = element(el, "cb-notice");
  say(element(el, "cb-zone"), "UTC");
  const box = () => el.closest(".cb-chart");
  const paneBoxes = () => {
    const chart = box();
    if (!chart) return [];
    const outer = chart.getBoundingClientRect();
    return [...chart.querySelectorAll(".cb-pane")].map((pane) => {
      const inner = pane.getBoundingClientRect();
      return { top: inner.top - outer.top, height: inner.height, width: inner.width };
    });
  };

  let hovering = false;
  const hideCross = () => {
    hovering = false;
    for (const node of [vertical, horizontal, valueTag, timeTag]) node.hidden = true;
  };

  // Legends and tags -------------------------------------------------------------------------------------------------
  const drawLegends = (view, boxes) => {
    const hover = model.get("hover");
    const source = hovering && hover.panes ? hover.panes : view.panes.map((pane) => pane.legend);
    while (legends.children.length > boxes.length) legends.lastChild.remove();
    view.panes.forEach((pane, index) => {
      if (!boxes[index]) return;
      const line = legends.children[index] ?? element(legends, "cb-legend");
      line.style.top = `${boxes[index].top + 4}px`;
      const entries = source[index] ?? pane.legend;
      while (line.children.length > entries.length) line.lastChild.remove();
      entries.forEach(([label, text, tone, swatch], position) => {
        let entry = line.children[position];
        if (!entry) {
          entry = element(line, "cb-legend-entry");
          element(entry, "cb-swatch");
          element(entry, "cb-legend-label");
          element(entry, "cb-legend-value");
        }
        entry.children[0].dataset.swatch = swatch ?? "";
        say(entry.children[1], label);
        say(entry.children[2], text);
        entry.dataset.tone = tone;
      });
    });
  };
  const height = (view, boxes, index, value) => {
    const pane = view.panes[index];
    const inner = boxes[index].height - pane.top - pane.bottom;
    return boxes[index].top + pane.top + (1 - (value - pane.y[0]) / (pane.y[1] - pane.y[0])) * inner;
  };
  const drawTags = (view, boxes) => {
    while (tags.children.length > view.lines.length) tags.lastChild.remove();
    view.lines.forEach((line, index) => {
      const node = tags.children[index] ?? element(tags, "cb-price-line");
      if (node.children.length === 0) element(node, "cb-price-tag");
      const pane = view.panes[line.pane];
      const inside = boxes[line.pane] && line.value >= pane.y[0] && line.value <= pane.y[1];
      node.hidden = !inside;
      if (!inside) return;
      node.style.top = `${height(view, boxes, line.pane, line.value)}px`;
      node.style.setProperty("--cb-margin", `${view.right}px`);
      node.dataset.tone = line.tone;
      node.dataset.kind = line.kind;
      say(node.firstChild, line.text);
      // The newest price is drawn last and keeps its place; an entry close to it moves its label aside.
      const newest = view.lines[view.lines.length - 1];
      const apart = height(view, boxes, line.pane, line.value) - height(view, boxes, newest.pane, newest.value);
      const above = apart < 0 && height(view, boxes, newest.pane, newest.value) > 28;
      const aside = line !== newest && Math.abs(apart) < 19 ? (above ? -19 : 19) - apart : 0;
      node.firstChild.style.marginTop = `${aside}px`;
      node.firstChild.style.width = `${view.right}px`;
    });
  };
  const update = () => {
    const view = model.get("view");
    say(notice, view.notice ?? "");
    notice.hidden = !view.notice;
    if (!view.panes) return;
    const boxes = paneBoxes();
    drawLegends(view, boxes);
    drawTags(view, boxes);
  };

  // Crosshair --------------------------------------------------------------------------------------------------------
  let asked = 0; // one question to Python at a time: moving the mouse must not flood the kernel
  let want = null;
  let pointed = null;
  const ask = (time) => {
    want = time;
    if (performance.now() - asked < 250) return;
    asked = performance.now();
    model.send({ hover: want });
    want = null;
  };
  let mouse = null; // where it was last, as the chart moves under a mouse that rests
  const onMove = (event) => {
    mouse = event.buttons || !model.get("crosshair") ? null : { x: event.clientX, y: event.clientY };
    if (mouse === null) return leave();
    place();
    update();
  };
  const place = () => {
    const view = model.get("view");
    const chart = box();
    if (!chart || !view.panes || mouse === null) return;
    const outer = chart.getBoundingClientRect();
    const boxes = paneBoxes();
    const plot = outer.width - view.right;
    const x = mouse.x - outer.left;
    const y = mouse.y - outer.top;
    const index = boxes.findIndex((pane) => y >= pane.top && y < pane.top + pane.height);
    if (index < 0 || x < 0 || x > plot) return leave();
    const span = view.x[1] - view.x[0];
    const raw = view.x[0] + (x / plot) * span;
    const steps = Math.round((raw - view.anchor) / view.step);
    const time = Math.min(view.anchor, Math.max(view.first, view.anchor + steps * view.step));
    const at = ((time - view.x[0]) / span) * plot;
    const last = boxes[boxes.length - 1];
    const bottom = last.top + last.height - view.panes[view.panes.length - 1].bottom;
    hovering = true;
    vertical.hidden = at < 0 || at > plot;
    vertical.style.cssText = `left:${at}px;height:${bottom}px`;
    timeTag.hidden = vertical.hidden;
    timeTag.style.cssText = `left:${Math.min(plot - 60, Math.max(60, at))}px;top:${bottom + 1}px`;
    say(timeTag, new Date(time).toISOString().slice(0, 16).replace("T", " "));
    const pane = view.panes[index];
    const inner = boxes[index].height - pane.top - pane.bottom;
    const part = (y - boxes[index].top - pane.top) / inner;
    const onPane = part >= 0 && part <= 1;
    horizontal.hidden = valueTag.hidden = !onPane;
    horizontal.style.cssText = `top:${y}px;width:${plot}px`;
    valueTag.style.cssText = `top:${y}px;left:${plot}px;width:${view.right}px`;
    say(valueTag, number(pane.y[1] - part * (pane.y[1] - pane.y[0]), pane) + (pane.unit ?? ""));
    if (time !== pointed) ask(time);
    pointed = time;
  };
  const leave = () => {
    mouse = null;
    pointed = null;
    if (hovering) {
      hideCross();
      model.send({ hover: null });
      update();
    }
  };
  const onView = () => {
    place();
    update();
  };
  const onHover = () => {
    asked = 0;
    if (want !== null && hovering) ask(want);
    update();
  };

  hideCross();
  let chart = null;
  let observer = null;
  let gone = false;
  const attach = () => {
    chart = box();
    if (gone) return;
    if (!chart) {
      requestAnimationFrame(attach); // the view is made before it is put into the page
      return;
    }
    chart.addEventListener("pointermove", onMove);
    chart.addEventListener("pointerleave", leave);
    chart.addEventListener("pointerdown", leave);
    observer = new ResizeObserver(update);
    observer.observe(chart);
    update();
  };
  attach();
  model.on("change:view", onView);
  model.on("change:hover", onHover);
  return () => {
    gone = true;
    model.off("change:view", onView);
    model.off("change:hover", onHover);
    observer?.disconnect();
    chart?.removeEventListener("pointermove", onMove);
    chart?.removeEventListener("pointerleave", leave);
    chart?.removeEventListener("pointerdown", leave);
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
