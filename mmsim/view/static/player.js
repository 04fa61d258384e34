document.querySelectorAll("form.mm-player:not(.mm-live)").forEach((player) => {
  const radios = [...player.querySelectorAll(":scope > input")];
  const frames = [...player.querySelectorAll(".mm-frame")];
  const bar = player.querySelector(".mm-controls");
  const slider = bar.querySelector("input"), said = bar.querySelector("output");
  const play = bar.querySelector("[data-go=play]");
  let timer = 0;
  const now = () => radios.findIndex((radio) => radio.checked);
  const show = (at) => {
    at = Math.max(0, Math.min(radios.length - 1, at));
    radios[at].checked = true;
    slider.value = at + 1;
    slider.setAttribute("aria-valuetext", radios[at].title);
    said.textContent = frames[at].querySelector("figcaption").lastChild.textContent;
  };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "play"; };
  const start = () => {
    if (now() === radios.length - 1) show(0);
    play.textContent = "pause";
    timer = setInterval(() => { show(now() + 1); if (now() === radios.length - 1) stop(); }, 1500);
  };
  const go = {
    first: () => show(0),
    back: () => show(now() - 1),
    forward: () => show(now() + 1),
    last: () => show(radios.length - 1),
  };
  bar.addEventListener("click", (event) => {
    const what = event.target.dataset.go;
    if (what === "play") { timer ? stop() : start(); } else if (what) { stop(); go[what](); }
  });
  slider.addEventListener("input", () => { stop(); show(slider.value - 1); });
  player.addEventListener("submit", (event) => event.preventDefault());
  player.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last" }[event.key];
    if (step && event.target !== slider) { stop(); go[step](); event.preventDefault(); }
    event.stopPropagation();
  });
  player.classList.add("mm-live");
  bar.hidden = false;
  show(now() < 0 ? 0 : now());
});
