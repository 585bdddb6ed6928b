// The first-use tour: short steps, spoken and written, left at any time. It never blocks the page.
import { setText } from "../common/dom.js";
import { load, save } from "../common/store.js";

const STEPS = [
  { title: "Start and stop", text: "Press Space to start looking, and Space again to stop. Before that, choose what to look with: the camera, a file, or a built-in scene." },
  { title: "A stop warning", text: "This is how a stop warning on your left sounds and feels. It cuts off everything else I say.", demo: { earcon: "stop", haptic: { location: "left", pattern_ms: [80, 60, 80, 60, 80, 60, 80] }, bearing: -45 } },
  { title: "A soon warning", text: "This is a soon warning on your right. You have some seconds.", demo: { earcon: "soon", haptic: { location: "right", pattern_ms: [160, 160, 160] }, bearing: 45 } },
  { title: "Ask me", text: "Press D to hear what is in front of you, F to find something, T to have text read out." },
  { title: "My voice", text: "S silences me, R repeats my last words. Plus and minus change how fast I speak. The question mark lists all keys." },
  { title: "Please remember", text: "I can miss things. Keep using your cane, your dog or your guide. When I cannot see, I tell you: vision paused." },
];

export class Tour {
  /**
   * @param {{panel: HTMLElement, title: HTMLElement, text: HTMLElement, progress: HTMLElement, next: HTMLElement, skip: HTMLElement}} parts
   * @param {{speak: (text: string) => void, hush: () => void, demo: (demo: object) => void}} ways
   */
  constructor(parts, ways) {
    Object.assign(this, { parts, ways, step: -1 });
    parts.next.addEventListener("click", () => this.#next());
    parts.skip.addEventListener("click", () => this.end());
    parts.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.end();
    });
    parts.panel.hidden = load("tour", "new") === "done";
  }

  /** From the beginning, also when it was done before. */
  restart() {
    this.step = -1;
    this.parts.panel.hidden = false;
    this.#next();
  }

  #next() {
    this.step += 1;
    if (this.step >= STEPS.length) return this.end();
    const { title, text, demo } = STEPS[this.step];
    const { parts } = this;
    setText(parts.title, title);
    setText(parts.text, text);
    setText(parts.progress, `Step ${this.step + 1} of ${STEPS.length}`);
    setText(parts.next, this.step === STEPS.length - 1 ? "Finish" : "Next");
    setText(parts.skip, "Leave the tour");
    if (demo) this.ways.demo(demo);
    return this.ways.speak(text);
  }

  end() {
    save("tour", "done");
    this.ways.hush();
    const hadFocus = this.parts.panel.contains(document.activeElement);
    this.parts.panel.hidden = true;
    if (hadFocus) document.getElementById("start")?.focus();
  }
}
