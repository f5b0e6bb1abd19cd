// Count down to moments; `span`, and that parts of the page are replaced, is live.js.
function tellCountdowns() {
  for (const moment of document.querySelectorAll("time[data-until]")) {
    const seconds = (Date.parse(moment.dateTime) - Date.now()) / 1000;
    const words = seconds >= 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
    if (moment.textContent !== words) moment.textContent = words;
  }
}

document.addEventListener("live", tellCountdowns);
setInterval(tellCountdowns, 1000);
