// Show countdowns; live.js has `span`, and sends the event `live` after it has replaced parts.
function tellCountdowns() {
  for (const moment of document.querySelectorAll("time[data-until]")) {
    const seconds = (Date.parse(moment.dateTime) - Date.now()) / 1000;
    const words = seconds >= 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
    if (moment.textContent !== words) moment.textContent = words;
  }
}

document.addEventListener("live", tellCountdowns);
setInterval(tellCountdowns, 1000);
