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
  const band = element(el, "cb-band");
  band.hidden = true;
  const ruler = element(el, "cb-ruler");
  const rulerText = element(ruler, "cb-ruler-text");
  ruler.hidden = true;
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
  // Labels on the price axis must not cover each other: the newest price (the last line) keeps its place, the others
  // move aside, those above it upwards and those below it downwards.
  const APART = 19;
  const spread = (tops) => {
    const fixed = tops.length - 1;
    const placed = [...tops];
    const order = tops.map((_, index) => index).filter((index) => index !== fixed && tops[index] !== null);
    const above = order.filter((index) => tops[index] < tops[fixed]).sort((a, b) => tops[b] - tops[a]);
    const below = order.filter((index) => tops[index] >= tops[fixed]).sort((a, b) => tops[a] - tops[b]);
    let edge = tops[fixed] ?? Infinity;
    for (const index of above) edge = placed[index] = Math.min(tops[index], edge - APART);
    edge = tops[fixed] ?? -Infinity;
    for (const index of below) edge = placed[index] = Math.max(tops[index], edge + APART);
    return placed;
  };
  const drawTags = (view, boxes) => {
    while (tags.children.length > view.lines.length) tags.lastChild.remove();
    const tops = view.lines.map((line) => {
      const pane = view.panes[line.pane];
      const inside = boxes[line.pane] && line.value >= pane.y[0] && line.value <= pane.y[1];
      return inside ? height(view, boxes, line.pane, line.value) : null;
    });
    const placed = spread(tops);
    view.lines.forEach((line, index) => {
      const node = tags.children[index] ?? element(tags, "cb-price-line");
      if (node.children.length === 0) {
        element(node, "cb-price-tag");
        element(node, "cb-line-label");
      }
      node.hidden = tops[index] === null;
      if (node.hidden) return;
      node.style.top = `${tops[index]}px`;
      node.style.setProperty("--cb-margin", `${view.right}px`);
      node.dataset.tone = line.tone;
      node.dataset.kind = line.kind;
      say(node.children[0], line.text);
      say(node.children[1], line.label ?? "");
      node.children[0].style.marginTop = `${placed[index] - tops[index]}px`;
      node.children[0].style.width = `${view.right}px`;
    });
    clear(view, placed);
  };
  // A number of the axis that a label would cover in part is not shown.
  const NEAR = 15;
  const clear = (view, placed) => {
    const chart = box();
    if (!chart) return;
    const outer = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll(".cb-pane .axis .tick text")];
    const covered = texts.map((text) => {
      const own = text.getBoundingClientRect();
      const middle = (own.top + own.bottom) / 2 - outer.top;
      if (own.left < outer.right - view.right) return false; // a time
      return placed.some((top) => top !== null && Math.abs(top - middle) < NEAR);
    });
    texts.forEach((text, index) => {
      text.style.visibility = covered[index] ? "hidden" : "";
    });
  };

  // The round trip that was chosen in the table, from its entry to its exit
  const drawBand = (view, boxes) => {
    const chart = box();
    band.hidden = !chart || !view.band?.length || !boxes.length;
    if (band.hidden) return;
    const plot = chart.getBoundingClientRect().width - view.right;
    const [from, to] = view.band.map((time) => ((time - view.x[0]) / (view.x[1] - view.x[0])) * plot);
    const left = Math.max(0, from);
    const right = Math.min(plot, to);
    band.hidden = right < left;
    const last = boxes[boxes.length - 1];
    band.style.cssText = `left:${left}px;width:${Math.max(2, right - left)}px;height:${last.top + last.height}px`;
  };
  const update = () => {
    const view = model.get("view");
    say(notice, view.notice ?? "");
    notice.hidden = !view.notice;
    if (!view.panes) return;
    const boxes = paneBoxes();
    drawLegends(view, boxes);
    drawTags(view, boxes);
    drawBand(view, boxes);
    drawRuler(view, boxes);
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

  // Measuring: drag with Measure on, or with the Shift key ----------------------------------------------------------------
  let measured = null; // pane, and time and value of the two corners
  const corner = (view, boxes, event, pane) => {
    const outer = box().getBoundingClientRect();
    const plot = outer.width - view.right;
    const inner = boxes[pane].height - view.panes[pane].top - view.panes[pane].bottom;
    const across = Math.min(1, Math.max(0, (event.clientX - outer.left) / plot));
    const down = Math.min(1, Math.max(0, (event.clientY - outer.top - boxes[pane].top - view.panes[pane].top) / inner));
    const [low, high] = view.panes[pane].y;
    const steps = Math.round((view.x[0] + across * (view.x[1] - view.x[0]) - view.anchor) / view.bar);
    return { time: view.anchor + steps * view.bar, value: high - down * (high - low) };
  };
  const forget = () => {
    measured = null;
    ruler.hidden = true;
  };
  const wants = (event) => event.button === 0 && (model.get("measuring") || event.shiftKey);
  const onPress = (event) => {
    const view = model.get("view");
    if (!view.panes || !wants(event)) return forget();
    const outer = box().getBoundingClientRect();
    const boxes = paneBoxes();
    const y = event.clientY - outer.top;
    const pane = boxes.findIndex((part) => y >= part.top && y < part.top + part.height);
    if (pane < 0 || event.clientX - outer.left > outer.width - view.right) return;
    event.preventDefault();
    event.stopPropagation();
    leave();
    const start = corner(view, boxes, event, pane);
    measured = { pane, start, end: start };
    const onDrag = (move) => {
      const now = model.get("view");
      if (measured && now.panes?.[pane]) measured.end = corner(now, paneBoxes(), move, pane);
      update();
    };
    const onRelease = () => {
      window.removeEventListener("pointermove", onDrag);
      window.removeEventListener("pointerup", onRelease);
      if (measured && measured.end.time === start.time && measured.end.value === start.value) forget();
    };
    window.addEventListener("pointermove", onDrag);
    window.addEventListener("pointerup", onRelease);
  };
  // bqplot pans from mouse events, which follow the pointer's: while measuring it must not see them.
  const onMouse = (event) => {
    if (wants(event)) event.stopPropagation();
  };
  const lasted = (milliseconds) => {
    const minutes = Math.round(milliseconds / 60000);
    if (minutes < 1) return `${Math.round(milliseconds / 1000)} s`;
    const parts = [[Math.floor(minutes / 1440), "d"], [Math.floor(minutes / 60) % 24, "h"], [minutes % 60, "min"]];
    return parts.filter(([count]) => count).map(([count, unit]) => `${count} ${unit}`).join(" ");
  };
  function drawRuler(view, boxes) {
    const pane = measured && view.panes[measured.pane];
    const chart = box();
    ruler.hidden = !pane || !boxes[measured.pane] || !chart;
    if (ruler.hidden) return;
    const { start, end } = measured;
    const plot = chart.getBoundingClientRect().width - view.right;
    const place = (time) => ((time - view.x[0]) / (view.x[1] - view.x[0])) * plot;
    const [left, right] = [place(start.time), place(end.time)].sort((a, b) => a - b);
    const [top, bottom] = [start, end].map((at) => height(view, boxes, measured.pane, at.value)).sort((a, b) => a - b);
    ruler.style.cssText = `left:${left}px;width:${right - left}px;top:${top}px;height:${bottom - top}px`;
    const change = end.value - start.value;
    const sign = change > 0 ? "+" : change < 0 ? "−" : "";
    const share = start.value ? `  ${sign}${Math.abs((100 * change) / start.value).toFixed(2)} %` : "";
    const bars = Math.round(Math.abs(end.time - start.time) / view.bar);
    const money = measured.pane === 0 ? ` ${view.quote}${share}` : pane.unit;
    const size = `${sign}${number(Math.abs(change), pane)}${money}`;
    say(rulerText, `${size}\n${bars} bar${bars === 1 ? "" : "s"} · ${lasted(Math.abs(end.time - start.time))}`);
    ruler.dataset.tone = change < 0 ? "down" : "up";
    rulerText.dataset.below = top < 44 ? "yes" : "no";
  }

  // Keys: the chart is panned and zoomed without a mouse, too -------------------------------------------------------------
  const KEYS = { ArrowLeft: "earlier", ArrowRight: "later", "+": "closer", "=": "closer", "-": "wider" };
  const onKey = (event) => {
    if (event.target !== chart || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") forget();
    if (!KEYS[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab would scroll or run a command
    model.send({ key: KEYS[event.key] });
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
    chart.addEventListener("pointerdown", onPress, true);
    chart.addEventListener("mousedown", onMouse, true);
    chart.addEventListener("keydown", onKey);
    chart.tabIndex = 0;
    chart.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys stay out of the chart
    chart.setAttribute("role", "group");
    chart.setAttribute("aria-label", "Chart: arrow keys pan, plus and minus zoom");
    let told = 0;
    observer = new ResizeObserver(() => {
      const width = Math.round(chart.clientWidth / 50) * 50; // Python writes fewer times on a narrow page
      if (width && width !== told) model.send({ width });
      told = width || told;
      update();
    });
    observer.observe(chart);
    update();
  };
  attach();
  const onMeasuring = () => {
    if (chart) chart.dataset.measuring = model.get("measuring") ? "yes" : "no";
    if (!model.get("measuring")) forget();
  };
  model.on("change:view", onView);
  model.on("change:hover", onHover);
  model.on("change:measuring", onMeasuring);
  return () => {
    gone = true;
    model.off("change:view", onView);
    model.off("change:hover", onHover);
    model.off("change:measuring", onMeasuring);
    observer?.disconnect();
    chart?.removeEventListener("pointermove", onMove);
    chart?.removeEventListener("pointerleave", leave);
    chart?.removeEventListener("pointerdown", leave);
    chart?.removeEventListener("pointerdown", onPress, true);
    chart?.removeEventListener("mousedown", onMouse, true);
    chart?.removeEventListener("keydown", onKey);
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
