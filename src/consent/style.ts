import { createHash } from "node:crypto";

/** In the page itself, under a policy that names it by its hash. */
export const STYLE = `
:root { color-scheme: light dark; --back: #eef0f4; --card: #fff; --text: #1c2024; --dim: #5d6673; --line: #d9dee6;
  --field: #fff; --accent: #3f51d1; --on-accent: #fff; --bad: #b3261e; --bad-back: #fdecea; --good: #1a7f4b; }
@media (prefers-color-scheme: dark) { :root { --back: #14161b; --card: #1e2128; --text: #e8eaed; --dim: #9aa3b0;
  --line: #343943; --field: #15181d; --accent: #7c8cff; --on-accent: #10121a; --bad: #ff9b93; --bad-back: #3a1f1e;
  --good: #6fd6a2; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem 1rem; background: var(--back);
  color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { width: 100%; max-width: 27rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.75rem; box-shadow: 0 8px 30px rgb(0 0 0 / 8%); }
header { text-align: center; margin-bottom: 1.25rem; }
.icon { width: 72px; height: 72px; border-radius: 20px; display: inline-grid; place-items: center; object-fit: cover;
  background: var(--accent); color: var(--on-accent); font-size: 2rem; font-weight: 600; }
h1 { font-size: 1.3rem; line-height: 1.3; margin: .75rem 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .04em; color: var(--dim); margin: 1.25rem 0 .4rem; }
p { margin: .3rem 0; }
form + .dim, fieldset + .dim, ul + .dim, select + .dim { margin-top: .8rem; }
.dim { color: var(--dim); font-size: .9rem; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; }
ul.can li { padding: .3rem 0 .3rem 1.7rem; position: relative; }
ul.can li::before { content: ""; position: absolute; left: .25rem; top: .72rem; width: .75rem; height: .4rem;
  border: solid var(--good); border-width: 0 0 2px 2px; transform: rotate(-45deg); }
fieldset { border: 1px solid var(--line); border-radius: 8px; margin: 0; padding: .3rem .75rem; max-height: 13rem; overflow: auto; }
fieldset label { display: flex; gap: .6rem; align-items: center; font-weight: 400; margin: 0; padding: .25rem 0; }
label { display: block; font-weight: 600; font-size: .9rem; margin: .9rem 0 .3rem; }
input[type=text], input[type=password], select { width: 100%; font: inherit; color: inherit; background: var(--field);
  border: 1px solid var(--line); border-radius: 8px; padding: .55rem .7rem; }
input[type=checkbox] { width: 1.1rem; height: 1.1rem; accent-color: var(--accent); flex: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.buttons { display: flex; gap: .75rem; margin-top: 1.5rem; }
button { font: inherit; font-weight: 600; border-radius: 8px; padding: .6rem 1rem; cursor: pointer; border: 1px solid var(--line);
  background: transparent; color: inherit; flex: 1; }
button.yes { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.link { flex: none; border: 0; padding: 0; font-weight: 400; color: var(--accent); text-decoration: underline; }
a { color: var(--accent); }
.who { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; font-size: .9rem; color: var(--dim);
  border-top: 1px solid var(--line); margin-top: 1.5rem; padding-top: .9rem; }
.bad { background: var(--bad-back); color: var(--bad); border-radius: 8px; padding: .6rem .8rem; margin: 0 0 .5rem; }
.strong { color: var(--bad); }
`;

export const STYLE_HASH = `'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`;
