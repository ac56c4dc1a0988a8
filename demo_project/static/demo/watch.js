// One storage's changes over the websocket, without a gap: first a snapshot, then changes;
// after a lost connection it resumes where it was.

const WATCH = "all";
const EARLIER = "earlier";
// The server says where it stands this often; silence for longer means that the line is dead.
const PROGRESS_SECONDS = 5;
const SILENCE_MS = 4 * PROGRESS_SECONDS * 1000;
const LONGEST_DELAY_MS = 30_000;
// How many revisions from before the snapshot are shown.
const EARLIER_REVISIONS = 30;

const LOGIN = 4401;
const SERVER_STOPS = 1012;
const REFUSED = {
  4403: "You have no permission to view this storage.",
  4404: "There is no such storage.",
};
const FINAL_ERRORS = ["permission_denied", "not_supported"];
const ANEW = ["revision_compacted", "revision_ahead"];

export class StorageWatch {
  #alias;
  #on;
  #socket = null;
  #position = null; // {revision, epoch}: everything up to there has been told
  #entries = []; // of a snapshot that comes in several frames
  #earlier = null; // {until, changes} while the changes before the snapshot are read
  #attempts = 0;
  #timer = 0;
  #watchdog = 0;

  // `on`: functions state(name, detail), snapshot(entries), changes(changes), earlier(changes),
  // position(revision, epoch).
  constructor(alias, on) {
    this.#alias = alias;
    this.#on = on;
  }

  open() {
    clearTimeout(this.#timer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const path = `/ws/storage/${encodeURIComponent(this.#alias)}/`;
    const socket = new WebSocket(`${scheme}://${location.host}${path}`);
    this.#socket = socket;
    this.#on.state(this.#attempts ? "reconnecting" : "connecting");
    const ours = (handle) => (event) => socket === this.#socket && handle(event);
    socket.onopen = ours(() => this.#watch());
    socket.onmessage = ours((event) => this.#hear(JSON.parse(event.data)));
    socket.onclose = ours((event) => this.#closed(event.code));
    this.#expectMore();
  }

  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#timer = 0;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  // Do not wait any longer: the network is back, or somebody looks again.
  hurry() {
    if (this.#timer && !this.#socket) this.open();
  }

  #send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #watch() {
    const from = this.#position
      ? { since: this.#position.revision, epoch: this.#position.epoch }
      : { snapshot: true };
    this.#send({ op: "watch", id: WATCH, prefix: "", progress: PROGRESS_SECONDS, ...from });
  }

  #hear(frame) {
    this.#expectMore();
    if (frame.id === EARLIER) this.#hearEarlier(frame);
    else if (frame.type === "watching") this.#watching();
    else if (frame.type === "snapshot") this.#snapshot(frame);
    else if (frame.type === "changes") {
      this.#on.changes(frame.changes);
      // A frame holds whole revisions: its last one is where to resume.
      this.#moveTo(frame.revision);
    } else if (frame.type === "progress") this.#moveTo(frame.revision);
    else if (frame.type === "error") this.#error(frame);
  }

  #watching() {
    this.#attempts = 0;
    this.#on.state("live");
    if (this.#position) this.#on.position(this.#position.revision, this.#position.epoch);
    else this.#entries = [];
  }

  #snapshot(frame) {
    this.#entries.push(...frame.entries);
    if (frame.more) return;
    this.#on.snapshot(this.#entries);
    this.#entries = [];
    this.#position = { revision: frame.revision, epoch: frame.epoch };
    this.#moveTo(frame.revision);
    this.#askEarlier(Math.max(0, frame.revision - EARLIER_REVISIONS), frame.revision);
  }

  #moveTo(revision) {
    if (!this.#position) return;
    this.#position.revision = revision;
    this.#on.position(revision, this.#position.epoch);
  }

  #error(frame) {
    if (FINAL_ERRORS.includes(frame.code)) {
      this.close();
      this.#on.state("refused", frame.detail);
    } else if (ANEW.includes(frame.code)) {
      // What we know cannot be continued: the log was compacted, or the store set back.
      this.#position = null;
      this.#later(() => this.#watch());
    } else {
      this.#socket.close();
    }
  }

  #closed(code) {
    clearTimeout(this.#watchdog);
    this.#socket = null;
    this.#timer = 0;
    if (code === LOGIN) this.#on.state("login");
    else if (code in REFUSED) this.#on.state("refused", REFUSED[code]);
    else this.#later(() => this.open(), code === SERVER_STOPS ? 1000 : undefined);
  }

  // Longer each time, and never all visitors at once.
  #later(action, delay = Math.min(LONGEST_DELAY_MS, 500 * 2 ** this.#attempts)) {
    this.#attempts += 1;
    this.#on.state("reconnecting");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, delay * (0.5 + Math.random() / 2));
  }

  #expectMore() {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#watchdog = setTimeout(() => {
      socket.close();
      // A dead line may take minutes to say that it has closed.
      if (socket === this.#socket) this.#closed(1006);
    }, SILENCE_MS);
  }

  // The changes before the snapshot: a second watch, given up when it gets there.

  #askEarlier(since, until) {
    this.#earlier = until > since ? { until, changes: [] } : null;
    if (!this.#earlier) return;
    this.#send({ op: "watch", id: EARLIER, prefix: "", since, epoch: this.#position.epoch });
  }

  #hearEarlier(frame) {
    if (!this.#earlier) return;
    const { until, changes } = this.#earlier;
    if (frame.type === "error") {
      // Some are compacted: begin with the oldest that is held.
      const since = (frame.oldest ?? until + 1) - 1;
      if (changes.length || since >= until) this.#earlier = null;
      else this.#askEarlier(since, until);
    } else if (frame.type === "changes") {
      changes.push(...frame.changes.filter((change) => change.revision <= until));
      if (frame.revision < until) return;
      this.#earlier = null;
      this.#send({ op: "unwatch", id: EARLIER });
      this.#on.earlier(changes);
    }
  }
}
