// Follow the light or dark of the system; without JavaScript the pages are light.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => {
  document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
  document.documentElement.classList.toggle("dark-mode", dark.matches); // what Swagger UI goes by
};
dark.addEventListener("change", follow);
follow();
