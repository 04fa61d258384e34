// Search in window.siteTexts, rows of [address, page, section, text]: a row is a hit when it has every word.
(() => {
  const box = document.getElementById("q");
  const list = document.querySelector(".hits");
  const said = document.querySelector("[role=status]");
  const MOST = 40, AROUND = 90;
  const rows = window.siteTexts.map((row) => ({ row, low: row.slice(1).map((part) => part.toLowerCase()) }));

  const count = (text, word) => text.split(word).length - 1;
  const score = ([page, section, text], words) => {
    let sum = section === words.join(" ") ? 200 : 0;
    for (const word of words) {
      const found = 20 * count(section, word) + 5 * count(page, word) + Math.min(5, count(text, word));
      if (!found) return 0;
      sum += found;
    }
    return sum;
  };

  const marked = (text, words) => {
    const low = text.toLowerCase();
    const at = Math.max(0, Math.min(...words.map((word) => low.indexOf(word)).filter((place) => place >= 0)) - AROUND);
    const from = Number.isFinite(at) && at ? text.indexOf(" ", at) + 1 : 0;
    const end = text.indexOf(" ", from + 2 * AROUND + 40);
    const part = end < 0 ? text.slice(from) : `${text.slice(from, end)} …`;
    const line = document.createElement("p");
    const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    (from ? `… ${part}` : part).split(new RegExp(`(${escaped.join("|")})`, "i")).forEach((piece, index) => {
      line.append(index % 2 ? Object.assign(document.createElement("mark"), { textContent: piece }) : piece);
    });
    return line;
  };

  const item = ([address, page, section, text], words) => {
    const entry = document.createElement("li");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = section;
    entry.append(link);
    if (page !== section) entry.append(Object.assign(document.createElement("small"), { textContent: page }));
    entry.append(marked(text, words));
    return entry;
  };

  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = words.length ? rows.map(({ row, low }) => ({ row, sum: score(low, words) })).filter(({ sum }) => sum) : [];
    hits.sort((one, two) => two.sum - one.sum);
    list.replaceChildren(...hits.slice(0, MOST).map(({ row }) => item(row, words)));
    const more = hits.length > MOST ? `, the best ${MOST} are shown` : "";
    said.textContent = words.length ? `${hits.length} place${hits.length === 1 ? "" : "s"}${more}` : "";
  };

  // The arrow keys walk from the box through the hits and back.
  document.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const stops = [box, ...list.querySelectorAll("a")];
    const at = stops.indexOf(document.activeElement);
    if (!step || at < 0 || !stops[at + step]) return;
    event.preventDefault();
    stops[at + step].focus();
  });
  box.addEventListener("input", () => {
    search();
    try {
      history.replaceState(null, "", `?q=${encodeURIComponent(box.value)}`);
    } catch { /* a page from a folder may not change its address */ }
  });
  box.form.addEventListener("submit", (event) => {
    event.preventDefault();
    list.querySelector("a")?.focus();
  });
  box.value = new URLSearchParams(location.search).get("q") ?? "";
  search();
  box.focus();
})();
