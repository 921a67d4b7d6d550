/** What happened, in order, so that a promise that was broken can be told with all that led to it. */

const MOST_EVENTS = 40_000;

/** A promise of the server's that was not kept, and the story in which it was given. */
export class BrokenPromise extends Error {
  constructor(message, story) {
    super(message);
    this.story = story;
  }
}

/** One question from its being asked to the tokens that came of it. `id` is ours, for reading. */
export class Story {
  static #count = 0;

  constructor(agent, begun) {
    this.id = ++Story.#count;
    this.agent = agent;
    this.begun = begun;
    this.person = undefined;
  }
}

export class History {
  #events = [];

  /** `about` has the story, or the agent and person whom it concerns; without any of them it concerns everybody. */
  note(text, about = {}) {
    this.#events.push({ at: performance.now(), text, ...about });
    if (this.#events.length > MOST_EVENTS) this.#events.splice(0, MOST_EVENTS / 2);
  }

  /** All that concerned the story, one line for each event. */
  tell(story) {
    const concerned = (event) =>
      event.story === story ||
      (event.story === undefined &&
        event.at >= story.begun &&
        (event.agent === undefined || event.agent === story.agent) &&
        (event.person === undefined || event.person === story.person));
    return this.#events
      .filter(concerned)
      .map(({ at, text }) => `${((at - story.begun) / 1000).toFixed(3).padStart(9)} s  ${text}`)
      .join('\n');
  }
}
