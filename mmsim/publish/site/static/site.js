// What every page needs: "/" to the search, boxes that scroll sideways reachable by keyboard, all opened for print.
(() => {
  const box = document.querySelector("input[type=search]");
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, form");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && box) {
      event.preventDefault();
      box.focus();
    }
  });

  const named = { PRE: "text", FIGURE: "frame", DIV: "table or picture" };
  const reach = () => {
    document.querySelectorAll("pre, .scroll, .mm-frame").forEach((one) => {
      const beyond = one.scrollWidth > one.clientWidth + 1;
      one.classList.toggle("beyond", beyond);
      if (beyond) {
        one.tabIndex = 0;
        if (one.tagName !== "FIGURE") one.setAttribute("role", "group");
        one.setAttribute("aria-label", `${named[one.tagName]}, wider than the page: the arrow keys move it`);
      } else if (one.tabIndex === 0) {
        for (const name of ["tabindex", "role", "aria-label"]) one.removeAttribute(name);
      }
    });
  };
  reach();
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);

  // A wide drawing whose middle is what to see first.
  document.querySelectorAll("[data-middle]").forEach((one) => { one.scrollLeft = (one.scrollWidth - one.clientWidth) / 2; });

  const contents = document.querySelector(".sections details");
  if (contents && !matchMedia("(min-width: 72rem)").matches) contents.open = false;

  let shut = [];
  addEventListener("beforeprint", () => {
    shut = [...document.querySelectorAll("main details:not([open])")];
    shut.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => shut.forEach((one) => { one.open = false; }));
})();
