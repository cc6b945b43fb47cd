// The title of a time gets the reader's own zone beside UTC, and "3 min ago" keeps up.
const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [86400 * 60, 86400, "d"]];
const times = [...document.querySelectorAll("time[datetime]")];

for (const time of times) time.title += ` · ${new Date(time.dateTime).toLocaleString()} here`;

export function ago(seconds) {
  const past = Math.abs(seconds);
  if (past < 5) return "just now";
  const step = STEPS.find(([limit]) => past < limit);
  if (!step) return null;
  const text = `${Math.floor(past / step[1])} ${step[2]}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

setInterval(() => {
  for (const time of times) {
    const text = ago((Date.now() - Date.parse(time.dateTime)) / 1000);
    if (text && time.textContent !== text) time.textContent = text;
  }
}, 15_000);
