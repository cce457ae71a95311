// The live API beside Streamlit (dashboard/live_api.py): changes and commands without a run of the
// page's script. Where it does not answer, commands and questions go over Streamlit's connection.

const TIMEOUT = 8000;

class LiveApi {
  /** Take the path and the token that Streamlit gives the page; a restarted server gives new ones. Returns whose they are. */
  receive(given) {
    // Streamlit may have reconnected as somebody else; the commands of this page's person are not theirs.
    if (given && this.token && holder(given.token) !== holder(this.token)) this.replaced = true;
    if (given) {
      Object.assign(this, given);
      document.documentElement.dataset.acts = given.acts === false ? "no" : "yes";
    }
    return this.token ? holder(this.token) : "";
  }
  async ask(name, { params = {}, ...more } = {}) {
    if (this.replaced) throw Object.assign(new Error("somebody else is signed in now: load the page again"), { signedOut: true });
    const words = new URLSearchParams(params).toString();
    const answer = await fetch(`${this.path}/${name}${words ? `?${words}` : ""}`, {
      cache: "no-store", credentials: "same-origin", redirect: "manual", signal: AbortSignal.timeout(TIMEOUT), ...more,
      headers: { accept: "application/json", "x-sentinel-page-token": this.token, ...more.headers },
    });
    if (fromLogin(answer)) throw Object.assign(new Error(await signedOut(answer)), { signedOut: true });
    if (!answer.ok && answer.status !== 304) throw Object.assign(new Error(`the live API answered ${answer.status}`), { refused: true });
    return answer;
  }
  async json(name, options) { return (await this.ask(name, options)).json(); }
  /** The rows of a view; `same` where they still are what `tag` names. */
  async rows(view, number, tag) {
    const { sort, group, ...asked } = view;  // the browser sorts and groups by itself
    const answer = await this.ask("rows", { params: { ...asked, number: number ?? 0 }, headers: tag ? { "if-none-match": tag } : {} });
    return withVersion(answer, answer.status === 304 ? { same: true } : await answer.json(), view);
  }
  /** Send commands; they arrive also where the page is left meanwhile, unless they are very many. */
  async act(commands, view) {
    const body = JSON.stringify({ commands, view });
    const answer = await this.ask("act", { method: "POST", body, keepalive: body.length < 50_000 });
    return withVersion(answer, await answer.json(), view);
  }
  /** Approve or reject the remediation of an alert; `error` says why not. */
  async decide(alert, approve, comment) {
    return this.json("remediation", { method: "POST", body: JSON.stringify({ alert, approve, comment }) });
  }
}

/** Whether this page's person may act on alerts; the server checks each command besides. */
const mayAct = () => document.documentElement.dataset.acts !== "no";

/** Whose token it is; page_tokens.py writes the name first. */
function holder(token) { return token.split(".")[0]; }

/** Whether an answer comes from a login: the live API answers with JSON, and some logins with a page and status 200. */
function fromLogin(answer) {
  const page = /^text\/html/.test(answer.headers.get("content-type") ?? "");
  return answer.status === 401 || answer.type === "opaqueredirect" || (page && (answer.ok || answer.status === 403));
}

/** Why this page may no longer act: its person signed out, or somebody else signed in. */
async function signedOut(answer) {
  const { error } = await answer.json().catch(() => null) ?? {};
  return error || "you are no longer signed in: load the page again";
}

/** The answers to commands that were refused together. */
function refusals(commands, error) {
  return commands.map(({ id }) => ({ id, error: error.message, done: 0, unchanged: 0, conflicts: [], refused: [], undo: false, offer: "" }));
}

function withVersion(answer, content, view) {
  const number = answer.headers.get("x-sentinel-number");
  return { ...content, tag: answer.headers.get("etag") ?? "", ...(number === null ? {} : { number: Number(number) }), ...(view ? { view } : {}) };
}
