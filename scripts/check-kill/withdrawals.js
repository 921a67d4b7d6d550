/**
 * What an operator has taken back, and when. What overlaps it may have come before or after: only what is certainly on
 * one side of it is held against the server.
 */
export class Withdrawals {
  #all = [];
  #disabled = [];

  /** Of one grant, or, without an agent, of all that a person has approved. Set `ended` once it has been answered. */
  begin(person, agent) {
    const one = { person, agent, begun: performance.now(), ended: undefined };
    this.#all.push(one);
    return one;
  }

  /** A time in which nobody signs in as that person. Its four corners are set as they are known. */
  beginDisabling(person) {
    const one = { person, disabling: performance.now(), disabled: Infinity, enabling: Infinity };
    const whole = { ...one, enabled: Infinity };
    this.#disabled.push(whole);
    return whole;
  }

  /** `withdrawn` when what was approved had been taken back by `at`, `stands` when it had not; else `unsure`. */
  fate({ agent, person, sent, answered }, at = performance.now()) {
    let fate = 'stands';
    for (const one of this.#all) {
      if (one.person !== person || (one.agent !== undefined && one.agent !== agent)) continue;
      const { begun, ended = Infinity } = one;
      if (ended <= sent || begun > at) continue;
      if (begun >= answered && ended <= at) return 'withdrawn';
      fate = 'unsure';
    }
    return fate;
  }

  /** Whether the person was disabled all the time from one moment to another: `yes`, `no` or `perhaps`. */
  wasDisabled(person, from, to) {
    let answer = 'no';
    for (const one of this.#disabled) {
      if (one.person !== person || one.disabling > to || one.enabled < from) continue;
      if (one.disabled <= from && one.enabling >= to) return 'yes';
      answer = 'perhaps';
    }
    return answer;
  }
}
