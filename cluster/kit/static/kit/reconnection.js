// The attempts to reach a server that does not answer, and the words said meanwhile.

// The time without data after which a connection counts as broken: SILENT_AFTER of
// cluster/health/progress.py, to which tests/portfolio/test_silence.py holds it.
export const SILENCE = 8000; // milliseconds
const FIRST = 500; // milliseconds before the first attempt
const SOON = 1000; // and before each further one,
const LONG = 60_000; // until the server has been away for so long;
const LATER = 5000; // then before each further one

export class Reconnection {
  #since = null; // when the server was lost
  #timer = 0;
  #say;
  #attempt;

  constructor({ say, attempt }) {
    this.#say = say;
    this.#attempt = attempt;
  }

  get isAway() {
    return this.#since !== null;
  }

  get isWaiting() {
    return this.#timer !== 0;
  }

  // The server is lost, or an attempt has failed. `refusal` is its own sentence, if it had one.
  lose(refusal = "") {
    const away = this.#since === null ? 0 : Date.now() - this.#since;
    const pause = this.#since === null ? FIRST : away < LONG ? SOON : LATER;
    this.#since ??= Date.now();
    this.#say(`${refusal}reconnecting, ${Math.round(away / 1000)} s`);
    clearTimeout(this.#timer);
    // Not all pages at the same moment.
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#attempt();
    }, pause * (0.75 + Math.random() / 4));
  }

  // The server has answered.
  settle() {
    this.#since = null;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }
}
