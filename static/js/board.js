/* 大屏: moves the numbers and the names of admin/board.html; nobody touches it, so it also helps itself. */
import { eventNow, setServerTime, startClock } from "./clock.js";
import { hour } from "./lines.js";
import { openLive } from "./live.js";
import { values, write } from "./numbers.js";
import { stayAwake } from "./wake.js";

const page = JSON.parse(document.getElementById("page-data").textContent);
const { words, zone } = page;
const at = (id) => document.getElementById(id);
const shape = (counts) => ["services", "categories"].map((part) => Object.keys(counts[part]).sort().join()).join("|");
const signing = new Set(Object.entries(page.counts.services).filter(([, one]) => one.kind === "sign_in").map(([key]) => key));
const AGAIN_MS = 30000;
let reloading = 0;

setServerTime(page.counts.server_time);
startClock(at("clock"), zone);

function takeCounts(counts) {
  setServerTime(counts.server_time);
  if (shape(counts) !== shape(page.counts)) reloadSoon();     // another plan: the page's own lines are others
  write(document, values(counts));
}

function takeArrivals(rows) {
  const came = rows.filter((one) => signing.has(one.service_key) && one.accepted && !one.undo);
  const known = new Set([...at("came").children].map((line) => line.dataset.seq));
  at("came").prepend(...came.filter((one) => !known.has(String(one.seq))).map(lineOf));
  while (at("came").children.length > page.rows) at("came").lastElementChild.remove();
}

function lineOf({ seq, name, at: when }) {
  const line = document.createElement("li"), who = document.createElement("span"), time = document.createElement("time");
  line.dataset.seq = seq;
  who.textContent = name || words.bearer;
  time.className = "num";
  time.textContent = hour(Date.parse(when), zone);
  line.append(who, " ", time);
  return line;
}

function showTiles() {
  const moment = eventNow().getTime();
  for (const tile of document.querySelectorAll("[data-times]")) {
    const times = tile.dataset.times.split(" ").filter(Boolean).map((one) => one.split("/").map(Date.parse));
    tile.hidden = !times.some(([from, until]) => from <= moment && moment <= until);
  }
}

function onState(state) {
  at("live").textContent = state === "on" ? "" : words.lost;
  if (state === "refused") reloadSoon();
}

function reloadSoon() {
  clearTimeout(reloading);
  reloading = setTimeout(() => location.reload(), AGAIN_MS);
}

setInterval(showTiles, AGAIN_MS);
stayAwake(() => true)();
openLive("/api/v1/live", { counts: takeCounts, arrival: takeArrivals }, { onState });
