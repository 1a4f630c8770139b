/**
 * JSON.parse for requests. Some clients (discord.py) send snowflakes as bare numbers, which a double can't hold:
 * integers of 16 digits or more become strings before the parse.
 * @throws SyntaxError on text that isn't JSON.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(LONG_INTEGER.test(text) ? text.replace(STRING_OR_NUMBER, quoteInteger) : text);
}

const LONG_INTEGER = /[:[,]\s*-?\d{16,}\s*[,}\]]/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
const INTEGER = /^-?\d{16,}$/;

function quoteInteger(token: string): string {
  return INTEGER.test(token) ? `"${token}"` : token;
}
