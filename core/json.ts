/**
 * JSON.parse for requests. Some clients (discord.py) send snowflakes as bare numbers, which a double can't hold:
 * integers of 16 digits or more become strings before the parse.
 * @throws SyntaxError on text that isn't JSON.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(LONG_INTEGER.test(text) ? text.replace(STRING_OR_LONG_INTEGER, quoteInteger) : text);
}

const LONG_INTEGER = /[:[,]\s*-?\d{16,}\s*[,}\]]/;
const STRING_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

function quoteInteger(token: string): string {
  return token.startsWith('"') ? token : `"${token}"`;
}
