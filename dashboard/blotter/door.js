// The door beside Streamlit: what is new comes through it and what people do goes through it,
// without a run of the page's script. Where it is shut, Streamlit's own way is left.

const PATIENCE = 8000;

class Door {
  /** Streamlit says where the door is, and gives the pass; a server started again gives new ones. Gives whose it is. */
  told(door) {
    // Streamlit may have connected anew as somebody else; what this page's person asked for is not theirs.
    if (door && this.pass && holder(door.pass) !== holder(this.pass)) this.handed = true;
    if (door) Object.assign(this, door);
    return this.pass ? holder(this.pass) : "";
  }
  async ask(name, { params = {}, ...more } = {}) {
    if (this.handed) throw Object.assign(new Error("somebody else is signed in by now: load the page again"), { stranger: true });
    const words = new URLSearchParams(params).toString();
    const answer = await fetch(`${this.place}/${name}${words ? `?${words}` : ""}`, {
      cache: "no-store", credentials: "same-origin", redirect: "manual", signal: AbortSignal.timeout(PATIENCE), ...more,
      headers: { accept: "application/json", "x-sentinel-pass": this.pass, ...more.headers },
    });
    if (foreign(answer)) throw Object.assign(new Error(await stranger(answer)), { stranger: true });
    if (!answer.ok && answer.status !== 304) throw Object.assign(new Error(`the door answered ${answer.status}`), { refused: true });
    return answer;
  }
  async json(name, options) { return (await this.ask(name, options)).json(); }
  /** The rows of a view; null where they are as `tag` says. */
  async rows(view, number, tag) {
    const { sort, group, ...asked } = view;  // the browser's own affair
    const answer = await this.ask("rows", { params: { ...asked, number: number ?? 0 }, headers: tag ? { "if-none-match": tag } : {} });
    return marked(answer, answer.status === 304 ? { same: true } : await answer.json(), view);
  }
  /** Hand in commands; they arrive also where the page is left meanwhile, unless they are very many. */
  async act(commands, view) {
    const body = JSON.stringify({ commands, view });
    const answer = await this.ask("act", { method: "POST", body, keepalive: body.length < 50_000 });
    return marked(answer, await answer.json(), view);
  }
}

/** Whose pass it is, as passes.py writes it. */
function holder(pass) { return pass.split(".")[0]; }

/** Whether it comes from a login: the door itself answers with JSON, and some logins with a page, as if all were well. */
function foreign(answer) {
  const page = /^text\/html/.test(answer.headers.get("content-type") ?? "");
  return answer.status === 401 || answer.type === "opaqueredirect" || (page && (answer.ok || answer.status === 403));
}

/** Why this page may no longer act: its person signed out, or somebody else signed in. */
async function stranger(answer) {
  const { error } = await answer.json().catch(() => null) ?? {};
  return error || "you are no longer signed in: load the page again";
}

/** What commands are answered that were not let in. */
function refusals(commands, error) {
  return commands.map(({ id }) => ({ id, error: error.message, done: 0, unchanged: 0, conflicts: [], refused: [], undo: false, offer: "" }));
}

function marked(answer, said, view) {
  const number = answer.headers.get("x-sentinel-number");
  return { ...said, tag: answer.headers.get("etag") ?? "", ...(number === null ? {} : { number: Number(number) }), ...(view ? { view } : {}) };
}
