
// Tables: a click on a heading sorts by it, numbers by value and text by the reader's language; empty cells stay last.
function sortTable(heading) {
  const table = heading.closest("table");
  const column = [...heading.parentNode.children].indexOf(heading);
  const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  const sign = direction === "ascending" ? 1 : -1;
  const key = (row) => {
    const cell = row.children[column];
    if (cell.dataset.value === undefined) return cell.textContent;
    const number = { inf: Infinity, "-inf": -Infinity }[cell.dataset.value] ?? parseFloat(cell.dataset.value);
    return Number.isNaN(number) ? null : number;
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number") return sign * (a < b ? -1 : a > b ? 1 : 0);
    return sign * a.localeCompare(b, undefined, { numeric: true });
  };
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]).sort(([a], [b]) => compare(a, b));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => sortTable(button.parentNode));
}

// Pictures: the button swaps the still picture and the interactive view, which is made at its first opening.
for (const button of document.querySelectorAll("button[data-opens]")) {
  const figure = button.closest("figure");
  const place = figure.querySelector("[data-view]");
  const image = figure.querySelector("img");
  const words = button.textContent;
  button.addEventListener("click", async () => {
    const opening = place.hidden;
    place.hidden = !opening;
    image.style.display = opening ? "none" : "";
    button.textContent = opening ? "Still picture" : words;
    if (opening && !place.firstChild) {
      try {
        await openView(place);
      } catch (error) {
        place.textContent = `This browser cannot unpack the view: ${error.message}`;
      }
    }
  });
}

// A picture that is wider than its column can be seen in full size.
for (const button of document.querySelectorAll("button[data-enlarges]")) {
  button.addEventListener("click", () => {
    const dialog = document.createElement("dialog");
    const image = button.closest("figure").querySelector("img").cloneNode();
    image.style.display = "";
    dialog.append(image);
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  });
}

const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const now = root.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.style.colorScheme = now === "dark" ? "light" : "dark";
});

// A link into a closed section opens it.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();

// The contents mark the section that is being read.
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) links.get(target.id)?.setAttribute("aria-current", "true");
    else links.get(target.id)?.removeAttribute("aria-current");
  }
}, { rootMargin: "-20% 0px -75% 0px" });
for (const section of document.querySelectorAll("main > [id]")) watcher.observe(section);

addEventListener("beforeprint", () => {
  for (const closed of document.querySelectorAll("details:not([open])")) {
    closed.open = true;
    closed.dataset.printed = "";
  }
});
addEventListener("afterprint", () => {
  for (const opened of document.querySelectorAll("details[data-printed]")) opened.open = false;
});
