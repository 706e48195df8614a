/* What a verdict sounds and feels like; each face its own, so that a gate can be worked by ear.
 *
 *   unlock()         call from a tap: browsers keep quiet until then
 *   play(face)       "accepted" two rising notes · "used" two equal ones · "refused" long and low · "waiting" one soft note
 */
const TONES = {                     // [hertz, start s, length s]
  accepted: { wave: "sine", notes: [[880, 0, 0.09], [1318, 0.09, 0.16]] },
  used: { wave: "triangle", notes: [[554, 0, 0.13], [554, 0.2, 0.2]] },
  refused: { wave: "square", notes: [[196, 0, 0.45]] },
  waiting: { wave: "sine", notes: [[660, 0, 0.12], [587, 0.14, 0.16]] },
};
const TOUCHES = { accepted: [60], used: [90, 80, 90], refused: [400], waiting: [30, 60, 30] };
let audio = null;

export function unlock() {
  const Context = window.AudioContext ?? window.webkitAudioContext;
  if (!Context) return;
  audio ??= new Context();
  if (audio.state !== "running") audio.resume().catch(() => {});
}

export function play(face) {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(TOUCHES[face] ?? []);
  const tone = TONES[face];
  if (!audio || audio.state !== "running" || !tone) return;
  for (const [hertz, start, length] of tone.notes) note(tone.wave, hertz, audio.currentTime + start, length);
}

function note(wave, hertz, start, length) {
  const voice = audio.createOscillator();
  const level = audio.createGain();
  voice.type = wave;
  voice.frequency.value = hertz;
  level.gain.setValueAtTime(0.0001, start);
  level.gain.exponentialRampToValueAtTime(wave === "square" ? 0.15 : 0.4, start + 0.012);
  level.gain.exponentialRampToValueAtTime(0.0001, start + length);
  voice.connect(level).connect(audio.destination);
  voice.start(start);
  voice.stop(start + length + 0.02);
}
