/**
 * Shortcuts of the desk and the sound of a new offer.
 *
 * Alt with a letter, which no input method uses; never while a word is composed.
 */

const DEEDS = {
  KeyA: ".offers .claim",
  KeyS: ".talk .suggest",
};

export class DeskKeys {
  constructor(desk) {
    desk.addEventListener("keydown", (event) => this.take(desk, event));
    document.body.addEventListener("keydown", (event) => {
      if (event.target === document.body) this.take(desk, event);
    });
  }

  take(desk, event) {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    const digit = /^Digit([1-9])$/.exec(event.code);
    let target = null;
    if (DEEDS[event.code]) target = desk.querySelector(DEEDS[event.code]);
    else if (event.code === "KeyR") target = desk.querySelector("#reply");
    else if (digit) target = desk.querySelectorAll(".mine .pick")[Number(digit[1]) - 1];
    if (!target) return;
    event.preventDefault();
    if (target.id === "reply") target.focus();
    else target.click();
  }
}

let audio = null;

/** A short tone; browsers allow it after the first click on the page. */
export function ring() {
  try {
    audio ??= new AudioContext();
    if (audio.state !== "running") return;
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    gain.gain.value = 0.08;
    tone.frequency.value = 880;
    tone.connect(gain).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.15);
  } catch {
    // no sound here: the badge and the list tell as well
  }
}
