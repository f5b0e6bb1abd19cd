// Follow the light or dark theme of the system; without JavaScript the pages are light.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => {
  document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
  document.documentElement.classList.toggle("dark-mode", dark.matches); // for Swagger UI
};
dark.addEventListener("change", follow);
follow();
