/* Camera to text. One stream, one worker, the newest picture only.
 *
 *   const scanner = createScanner({video, onCode, onState, facing: "environment"})
 *     onCode(text, "camera", {held})   once per sighting; `held` when the code never left the picture for 2.5 s
 *     onState(state)                   "starting" "running" "insecure" "missing" "denied" "busy" "broken" "stopped"
 *                                      (words for each: words.js `camera`)
 *   scanner.start()      call it from a tap: asks for the camera and keeps the screen awake; resolves with the state
 *   scanner.stop()       scanner.pause() · scanner.resume()      frames are not decoded while paused
 *   scanner.forget()     the next picture of the same code is a new sighting (after a lead's grant)
 *   scanner.cameras()    [{id, label}];  scanner.choose(id) switches and is remembered on this tablet
 *
 * The <video> must stand outside anything that is swapped. Codes go to onCode and nowhere else.
 */
import { stayAwake } from "./wake.js";

const HELD_MS = 2500;        // a code that stays in the picture is offered again after this
const GONE_MS = 350;         // a shaking hand misses single frames; this long unseen is "left the picture"
const GONE_FRAMES = 3;
const STALL_MS = 4000;       // a stream without a frame for this long is restarted
const CAMERA_KEY = "huiwu.camera";

/** Decides which texts of a decoded picture are new. Pure but for the times passed in (milliseconds). */
export function createSightings() {
  const seen = new Map();
  return {
    look(texts, now) {
      const fresh = [];
      for (const [text, one] of seen) {
        if (texts.includes(text)) continue;
        one.missed += 1;
        if (one.missed >= GONE_FRAMES && now - one.last >= GONE_MS) seen.delete(text);
      }
      for (const text of texts) {
        const one = seen.get(text);
        if (!one) fresh.push({ text, held: false });
        else if (now - one.told >= HELD_MS) fresh.push({ text, held: true });
        const told = fresh.some((item) => item.text === text) ? now : one.told;
        seen.set(text, { told, last: now, missed: 0 });
      }
      return fresh;
    },
    clear: () => seen.clear(),
  };
}

export const createScanner = (options) => new Scanner(options);

class Scanner {
  constructor({ video, onCode, onState = () => {}, facing = "environment",
                workerUrl = new URL("./decode-worker.js", import.meta.url) }) {
    Object.assign(this, { video, onCode, onState, facing, workerUrl });
    this.sightings = createSightings();
    this.state = "stopped";
    this.wanted = this.paused = this.busy = this.newer = false;
    this.lastFrame = 0;
    this.awake = stayAwake(() => this.wanted);
    setInterval(() => this.#watch(), 1000);
    document.addEventListener("visibilitychange", () => this.#watch());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => { if (this.state === "missing") this.#watch(); });
  }

  start() {
    this.wanted = true;
    this.awake();
    this.worker ??= this.#makeWorker();     // compiles its decoder while the person allows the camera
    return this.#restart();
  }

  stop() {
    this.wanted = false;
    this.#close();
    return this.#tell("stopped");
  }

  pause() { this.paused = true; }
  resume() { this.paused = false; }
  forget() { this.sightings.clear(); }

  async cameras() {
    const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    return all.filter((one) => one.kind === "videoinput").map(({ deviceId, label }) => ({ id: deviceId, label }));
  }

  choose(id) {
    remember(id);
    return this.start();
  }

  #tell(state) {
    if (state !== this.state) this.onState(this.state = state);
    return state;
  }

  #restart() {
    this.opening ??= this.#open().finally(() => { this.opening = null; });
    return this.opening;
  }

  async #open() {
    if (!navigator.mediaDevices?.getUserMedia) return this.#tell(window.isSecureContext ? "missing" : "insecure");
    this.#tell("starting");
    this.#close();
    try {
      const stream = await ask(this.facing);
      if (!this.wanted) { halt(stream); return this.#tell("stopped"); }
      return await this.#run(stream);
    } catch (error) {
      this.lastFrame = performance.now();
      return this.#tell(stateOf(error));
    }
  }

  async #run(stream) {
    this.stream = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => { if (this.stream === stream) this.#restart(); });
    const { video } = this;
    video.srcObject = stream;
    video.muted = video.playsInline = true;
    video.dataset.facing = stream.getVideoTracks()[0].getSettings().facingMode ?? "";
    this.lastFrame = performance.now();
    await video.play();
    this.#nextFrame(stream);
    return this.#tell("running");
  }

  #close() {
    if (this.stream) halt(this.stream);
    this.stream = null;
  }

  #nextFrame(stream) {
    const arrived = () => {
      if (stream !== this.stream) return;
      this.lastFrame = performance.now();
      this.#tell("running");
      this.#feed();
      this.#nextFrame(stream);
    };
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(arrived);
    else setTimeout(() => requestAnimationFrame(arrived), 33);
  }

  async #feed() {
    this.newer = this.busy;
    if (this.busy || this.paused || !this.wanted || !this.video.videoWidth) return;
    this.busy = true;
    try {
      const frame = await picture(this.video);
      this.worker ??= this.#makeWorker();
      this.worker.postMessage({ frame }, frame instanceof ImageData ? [frame.data.buffer] : [frame]);
    } catch {
      this.busy = false;     // the stream ended between the frame and its copy: the next frame tries again
    }
  }

  #makeWorker() {
    const worker = new Worker(this.workerUrl);
    worker.onmessage = ({ data }) => { if (data.texts) this.#decoded(data.texts); };
    worker.onerror = () => { worker.terminate(); this.worker = null; this.busy = false; };
    return worker;
  }

  #decoded(texts) {
    this.busy = false;
    if (this.wanted && !this.paused) {
      for (const { text, held } of this.sightings.look(texts, performance.now())) this.onCode(text, "camera", { held });
    }
    if (this.newer) this.#feed();
  }

  /** Starts a stream again that ended or gives no frames; a camera the person denied waits for a tap. */
  #watch() {
    if (!this.wanted || document.hidden || this.opening || this.state === "denied" || this.state === "insecure") return;
    if (performance.now() - this.lastFrame > STALL_MS || !this.stream) this.#restart();
  }
}

/** What the worker is given: a VideoFrame is a handle (0.1 ms here, a bitmap 6); luminance.js says what was measured. */
function picture(video) {
  if (typeof OffscreenCanvas === "function") {
    try { return new VideoFrame(video); } catch { return createImageBitmap(video); }   // iPadOS before 16.4 has no VideoFrame
  }
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** The remembered camera, else the one facing the wanted way; a camera that is gone falls back to any. */
async function ask(facing) {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  const id = remembered();
  const tries = [{ ...size, facingMode: { ideal: facing } }, true];
  if (id) tries.unshift({ ...size, deviceId: { exact: id } });
  for (const [index, wish] of tries.entries()) {
    try {
      return await navigator.mediaDevices.getUserMedia({ video: wish, audio: false });
    } catch (error) {
      if (stateOf(error) === "denied" || index === tries.length - 1) throw error;
    }
  }
  return null;
}

function stateOf(error) {
  if (error?.name === "NotAllowedError" || error?.name === "SecurityError") return "denied";
  if (error?.name === "NotFoundError" || error?.name === "OverconstrainedError") return "missing";
  return error?.name === "NotReadableError" ? "busy" : "broken";
}

function halt(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function remembered() {
  try { return localStorage.getItem(CAMERA_KEY); } catch { return null; }
}

function remember(id) {
  try { localStorage.setItem(CAMERA_KEY, id); } catch { /* private mode: the choice holds until the reload */ }
}
