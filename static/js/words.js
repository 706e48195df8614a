/* What a screen says about an answer, in both languages. Every reason code of api.md has a headline and what to do.
 *
 *   describe(result, {service, services, categories, zone}) ->
 *     {face, word, fact, advice, chips}       texts are {zh, en}; face: accepted used refused waiting asking
 *   camera[state]                             words for each state of scanner.js
 *   counted(kind)                             what the number at the door counts: 已用餐, served
 *   link(state, waiting)                      words for the outbox's status chip -> {tone, text}
 *   copy(alone, data)                         what this tablet can do while no server answers (alone.js)
 */
import { timeOf } from "./clock.js";

const t = (zh, en) => ({ zh, en });

const ACCEPTED = {
  sign_in: t("已报到", "Welcome"), material: t("请领取", "Collect"), session: t("请进", "Come in"), meal: t("请进", "Come in"),
  transfer: t("请上车", "Board"), room_key: t("请取房卡", "Your key"), payout: t("请发放", "Pay out"),
};
const LEFT = t("已签退", "Goodbye");

const REASONS = {
  unknown: ["refused", t("查不到", "Unknown"), t("不是本次会议的证件，请到服务台", "Not a badge of this meeting. Please see the desk")],
  revoked: ["refused", t("旧证", "Old badge"), t("已换发新证，请出示新证或到服务台", "Replaced by a newer badge. Show that one or see the desk")],
  wrong_service: ["refused", t("券不对", "Wrong slip"), t("请出示本项目的餐券", "Please show the slip for this service")],
  cancelled: ["refused", t("已取消", "Cancelled"), t("报名已取消，请到服务台", "This registration was cancelled. Please see the desk")],
  replaced: ["refused", t("已替会", "Replaced"), t("已由他人替会，请到服务台", "Someone attends in this person's place. Please see the desk")],
  pending: ["refused", t("待审核", "Pending"), t("报名还在审核，请到服务台", "Not approved yet. Please see the desk")],
  service_closed: ["refused", t("已关闭", "Closed"), t("本项目已停止办理，请问会务组", "This service is closed. Please ask the team")],
  too_early: ["refused", t("还没开始", "Too early"), t("请稍后再来", "Please come back later")],
  too_late: ["refused", t("已结束", "Ended"), t("如有需要，请到服务台", "If you need it, please see the desk")],
  not_entitled: ["refused", t("不在名单", "Not listed"), t("此证件不含本项目，请到服务台", "Not included with this badge. Please see the desk")],
  needs: ["refused", t("还差一步", "Not yet"), t("办好后再来扫一次", "Then come back and scan again")],
  already_inside: ["used", t("已在场内", "Inside"), t("刚刚扫过，不用再扫", "Scanned already, no need to scan again")],
  used_up: ["used", t("已用过", "Used"), t("如属误扫，请找组长", "If this is a mistake, ask the lead")],
  out_of_stock: ["refused", t("已发完", "None left"), t("请联系会务组补货", "Please ask the team for more")],
  answers_needed: ["refused", t("请选择", "Choose"), t("请到服务台选好再领", "Please choose at the desk first")],
};
const USED = {
  sign_in: [t("已报到过", "Already checked in"), t("不用再报到。补打小票请到报到台", "No need to check in again. For a new slip, see the desk")],
  material: [t("已领过", "Collected"), t("如没领到，请找组长", "If you did not get it, ask the lead")],
  session: [t("不能再进", "No re-entry"), t("本场离开后不能再进，请找组长", "This session has no re-entry. Ask the lead")],
  room_key: [t("已领过", "Collected"), t("如没领到，请找组长", "If you did not get it, ask the lead")],
  payout: [t("已发放", "Paid"), t("如没领到，请找组长", "If you did not get it, ask the lead")],
};
const DID = {
  sign_in: t("报到", "Checked in"), material: t("领取", "Collected"), session: t("入场", "Came in"), meal: t("用过这一餐", "Meal used"),
  transfer: t("上过车", "Boarded"), room_key: t("领取房卡", "Collected"), payout: t("领取", "Paid"),
};
const COUNTED = {
  sign_in: t("已报到", "checked in"), material: t("已领取", "collected"), session: t("已入场", "came in"), meal: t("已用餐", "served"),
  transfer: t("已上车", "boarded"), room_key: t("已领", "collected"), payout: t("已发放", "paid"),
};
const WAITING = {
  offline: t("已记在本机，待上传", "Kept on this tablet, will be sent"),
  busy: t("服务器忙，已记在本机，会再上传", "Server busy. Kept on this tablet, will be sent"),
  unpaired: t("本机需重新配对，记录都在", "This tablet must be paired again. Nothing is lost"),
};

export const camera = {
  stopped: t("摄像头已停", "Camera is off"),
  starting: t("正在打开摄像头…", "Opening the camera…"),
  running: t("", ""),
  insecure: t("此地址不能用摄像头，请用扫码枪，或改用 https 地址", "No camera at this address. Use a scanner, or the https address"),
  missing: t("没有找到摄像头，请用扫码枪", "No camera found. Use a scanner"),
  denied: t("摄像头未获允许。请在浏览器设置中允许，再点“开始”", "Camera not allowed. Allow it in the browser's settings, then tap Start"),
  busy: t("摄像头被别的程序占用，请关掉它", "Another program holds the camera. Please close it"),
  broken: t("摄像头没有画面，正在重试", "No picture from the camera, trying again"),
};

export const OFFLINE = t("离线核验", "Offline");
export const ASIDE = t("本机已停用，没传完的记录已交给总负责", "This tablet was revoked. What it still had went to the coordinator");
export const OVER = t("会议已结束，本机存的记录和名单已清除", "The event is over. What this tablet kept is cleared");

export function copy(alone, { station, event }) {
  if (!station?.offline) return t("", "");
  if (!alone) return t("此地址断网时不能核验，请改用 https 地址", "No checking without the network at this address. Use https");
  if (!alone.about) return t("正在取离线名单…", "Fetching the offline list…");
  const { count, at } = alone.about;
  return t(`断网也能核验：${count} 个码，${timeOf(new Date(at), event?.timezone)}`,
           `Works offline: ${count} codes, ${timeOf(new Date(at), event?.timezone, "en")}`);
}

export const counted = (kind) => COUNTED[kind] ?? t("已办", "done");
export const asking = t("正在核对", "Checking");

export function link(state, waiting) {
  const kept = t(`${waiting} 条待上传`, `${waiting} to send`);
  if (state === "unpaired") return { tone: "bad", text: t("需重新配对", "Pair again") };
  if (state === "offline" || state === "busy") {
    const word = state === "busy" ? t("服务器忙", "Server busy") : t("离线", "Offline");
    return { tone: "ask", text: waiting ? join([word, kept]) : word };
  }
  return waiting > 1 ? { tone: "info", text: kept } : { tone: "ok", text: t("已连接", "Connected") };
}

export function describe(result, context = {}) {
  if (result.asking) return { face: "asking", word: asking, fact: null, advice: null, chips: [] };
  if (result.pending) return waiting(result);
  if (result.error) return failed(result);
  const accepted = result.verdict === "accepted" && !result.conflict;
  return { ...(accepted ? welcome(result, context) : reasoned(result, context)), chips: chipsOf(result, context) };
}

function waiting(result) {
  if (result.withdrawn) {
    return { face: "used", word: t("暂时不能报到", "Not now"), fact: t("连不上服务器，没有记录", "No connection, nothing was recorded"),
             chips: [], advice: t("请到报到台办理", "Please see the desk") };
  }
  return { face: "waiting", word: t("已记下", "Saved"), fact: WAITING[result.why] ?? WAITING.offline, chips: [],
           advice: t("尚未核对，结果以上传后为准", "Not checked yet. It counts once it is sent") };
}

function failed(result) {
  const message = result.message ?? "";
  return { face: "refused", word: t("没有记录", "Not saved"), fact: message ? t(message, message) : null, chips: [],
           advice: t("请再扫一次；还不行请找组长", "Please scan again; if it fails, ask the lead") };
}

function welcome(result, context) {
  const { service, direction } = context;
  const out = service?.kind === "session" && (result.direction ?? direction) === "out";
  const word = out ? LEFT : ACCEPTED[service?.kind] ?? t("通过", "Accepted");
  return { face: "accepted", word, fact: join(acceptedFacts(result, context)), advice: null };
}

function acceptedFacts({ attendee, use, forced }, { service, plain }) {
  const { table, seat } = attendee ?? {};
  const facts = [];
  if (table && !plain && service?.kind !== "session") facts.push(t(`${table} 号桌`, `Table ${table}`));
  if (seat && !plain && service?.kind !== "meal") facts.push(t(`座位 ${seat}`, `Seat ${seat}`));
  if (use?.limit && service?.kind !== "sign_in") facts.push(t(`第 ${use.number} 次，共 ${use.limit} 次`, `${use.number} of ${use.limit}`));
  if (forced) facts.push(t("组长放行", "By the lead"));
  return facts;
}

function reasoned(result, context) {
  const fallback = ["refused", t("不能通过", "Stop"), t(result.message ?? "请到服务台", result.message ?? "Please see the desk")];
  let [face, word, advice] = REASONS[result.reason] ?? fallback;
  if (result.reason === "used_up") [word, advice] = USED[context.service?.kind] ?? [word, advice];
  return { face, word, advice, fact: factOf(result, context) };
}

function factOf(result, { service, services = [], zone }) {
  const named = (key) => services.find((one) => one.key === key) ?? { name: key, name_en: key };
  const both = (key, zh, en) => t(zh(named(key).name), en(named(key).name_en || named(key).name));
  if (result.first) return firstUse(result.first, service, zone);
  const { needs, for: meal } = { ...result, ...result.detail };
  if (needs) return both([needs].flat()[0], (name) => `请先办理：${name}`, (name) => `First: ${name}`);
  if (meal) return both(meal, (name) => `这张券用于 ${name}`, (name) => `This slip is for ${name}`);
  if (result.reason === "too_early" || result.reason === "too_late") return windowOf(result, service, zone);
  return null;
}

function firstUse(first, service, zone) {
  const did = DID[service?.kind] ?? t("用过", "Used");
  const place = first.station_name ?? "";
  const there = first.station_name_en || place;
  return t(`${timeOf(first.at, zone)} ${place ? `在 ${place} ` : ""}${did.zh}`,
           `${did.en} ${timeOf(first.at, zone, "en")}${there ? ` at ${there}` : ""}`);
}

function windowOf(result, service, zone) {
  const times = (service?.windows ?? []).map((one) => Date.parse(result.reason === "too_early" ? one.opens : one.closes));
  const near = times.filter(Number.isFinite).sort((a, b) => Math.abs(a - Date.now()) - Math.abs(b - Date.now()))[0];
  if (near === undefined) return result.message ? t(result.message, result.message) : null;
  const [zh, en] = [timeOf(new Date(near), zone), timeOf(new Date(near), zone, "en")];
  return result.reason === "too_early" ? t(`${zh} 开始`, `Starts ${en}`) : t(`${zh} 已结束`, `Ended ${en}`);
}

function chipsOf(result, { categories = [] }) {
  const chips = (result.hints ?? []).map((hint) => t(hint, hint));
  const category = categories.find((one) => one.key === result.attendee?.category);
  if (result.attendee?.vip) chips.push(t("贵宾", "VIP"));
  if (category) chips.push(t(category.name, category.name_en || category.name));
  return chips;
}

function join(texts) {
  return texts.length ? t(texts.map((one) => one.zh).join(" · "), texts.map((one) => one.en).join(" · ")) : null;
}
