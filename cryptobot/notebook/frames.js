// The panel's pulse, one per view of a panel. It acknowledges every frame once it is painted, so that the kernel never
// runs ahead of the page; it watches the heartbeat, so that the page itself says STALE when the kernel is gone; and it
// reports JavaScript errors to Python.

const STALE_AFTER = 2300; // ms without a heartbeat; the kernel sends one every 0.75 s while a page is open
const BUSY_AFTER = 1500; // ms without an answer to an acknowledgement although heartbeats arrive
const MAX_REPORTS = 20;

// Errors of the panel's own modules (anywidget loads them from blob: addresses) and of the widgets it is made of.
const OURS = /blob:|anywidget|bqplot|bqscales|jupyter-?widgets|widgetsnbextension/i;
// The browser's word for "layout took two passes": nothing failed, nothing is lost.
const HARMLESS = /ResizeObserver loop/;

function render({ model, el }) {
  const view = Math.random().toString(36).slice(2);
  const began = performance.now();
  let lastBeat = began;
  let sent = 0; // newest frame this page has acknowledged
  let heard = 0; // newest acknowledgement the kernel is known to have read
  let progress = began; // when the kernel last read one, or had read all
  let waiting = false;
  let newest = 0;
  let connected = true;

  el.classList.add("cb-link");
  const pill = document.createElement("span");
  pill.className = "cb-link-pill";
  pill.setAttribute("role", "status");
  const note = document.createElement("span");
  note.className = "cb-link-note";
  el.append(pill, note);

  const tell = (message) => {
    try {
      model.send({ view, visible: !document.hidden, ...message });
    } catch (error) {
      connected = false; // the comm is closed: the watchdog below says so within its time
    }
  };

  const acknowledge = () => {
    waiting = false;
    if (document.hidden) return;
    if (heard >= sent) progress = performance.now();
    sent = Math.max(sent, newest);
    tell({ ack: newest });
  };

  const onBeat = (message) => {
    if (typeof message?.beat !== "number") return;
    lastBeat = performance.now();
    newest = message.beat;
    const read = message.heard?.[view] ?? heard;
    if (read > heard) progress = lastBeat;
    heard = read;
    if (!waiting) {
      waiting = true;
      // A hidden page paints nothing: requestAnimationFrame would not come back.
      if (document.hidden) waiting = false;
      else requestAnimationFrame(() => setTimeout(acknowledge, 0));
    }
    check();
  };

  const show = (link, text, title) => {
    const root = el.closest(".cb-panel");
    if (root && root.dataset.link !== link) root.dataset.link = link;
    if (pill.textContent !== text) pill.textContent = text;
    if (pill.title !== title) pill.title = title;
    const advice = link === "busy" ? model.get("busy") : "";
    if (note.textContent !== advice) note.textContent = advice;
  };

  const check = () => {
    const now = performance.now();
    const silence = now - lastBeat;
    // Jupyter marks a widget whose kernel has ended: no need to wait for the silence.
    const cut = el.closest(".cb-panel")?.classList.contains("jupyter-widgets-disconnected");
    const lost = model.get("lost");
    if (lost) {
      show("stale", "STALE · NO BOT", `What you see is old. ${lost}`);
    } else if (!connected || cut || silence > STALE_AFTER) {
      const seconds = Math.max(1, Math.round(silence / 1000));
      show(
        "stale",
        `STALE · ${seconds} s`,
        "No word from the kernel. What you see is old: a bot that ran in the kernel may have ended with it.",
      );
    } else if (heard < sent && now - progress > BUSY_AFTER) {
      show("busy", "KERNEL BUSY", "A cell is running: the bot goes on, but buttons answer when the cell ends.");
    } else {
      show("live", "CONNECTED", "The page and the kernel hear each other.");
    }
  };

  let reports = 0;
  const report = (text, source, stack) => {
    if (HARMLESS.test(text) || !OURS.test(`${source}\n${stack}`) || reports >= MAX_REPORTS) return;
    reports += 1;
    tell({ error: `${text}`.slice(0, 500), source: `${source}`.slice(0, 200), stack: `${stack}`.slice(0, 2000) });
  };
  const onError = (event) => report(event.message, event.filename ?? "", event.error?.stack ?? "");
  const onRejection = (event) => {
    const reason = event.reason;
    report(reason?.message ?? String(reason), "promise", reason?.stack ?? "");
  };
  const onVisibility = () => tell({ hello: true });
  const onLeave = () => tell({ bye: true });

  // Escape takes back what the panel asks, wherever the focus is in it.
  const onKey = (event) => {
    const strip = event.key === "Escape" && event.target.closest?.(".cb-panel")?.querySelector(".cb-confirm:not(.cb-away)");
    if (!strip || !strip.closest(".cb-panel").contains(el)) return;
    event.stopPropagation();
    strip.querySelector(".cb-confirm-no").click();
  };
  window.addEventListener("keydown", onKey, true);
  model.on("msg:custom", onBeat);
  window.addEventListener("error", onError);
  window.addEventListener("unhandledrejection", onRejection);
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("pagehide", onLeave);
  const timer = setInterval(check, 100);
  show("live", "CONNECTED", "");
  tell({ hello: true });

  return () => {
    clearInterval(timer);
    window.removeEventListener("keydown", onKey, true);
    model.off("msg:custom", onBeat);
    window.removeEventListener("error", onError);
    window.removeEventListener("unhandledrejection", onRejection);
    document.removeEventListener("visibilitychange", onVisibility);
    window.removeEventListener("pagehide", onLeave);
    onLeave();
  };
}

export default { render };
