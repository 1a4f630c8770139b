import fc from "fast-check";
import { z } from "zod";
import { HOSTILE } from "../rest/hostile-values.ts";
import type { Places } from "../rest/world.ts";

/**
 * Makes bodies from zod schemas: such as the schema takes, at its bounds and within, and, when `hostile`, with a value
 * here and there that it doesn't take. Ids are names in braces, for `placed` to fill: one seed makes the same bodies in
 * every world.
 */
export function bodyOf(schema: z.core.$ZodType, hostile: boolean): fc.Arbitrary<unknown> {
  return new Bodies(hostile).of(schema, DEEPEST);
}

/** Components in components, options in options: Discord's own limits end sooner. */
const DEEPEST = 7;
const PLACE = /\{\{(\w+)\}\}/g;

/** The body with each name of a place as what stands for it in this world. */
export function placed(body: unknown, at: Places): unknown {
  const ids = new Map<string, string>(Object.entries(at));
  return JSON.parse(JSON.stringify(body).replace(PLACE, (whole, name: string) => ids.get(name) ?? whole));
}

const IDS = [
  ...["guild_id", "channel_id", "voice_id", "category_id", "thread_id", "forum_id", "news_id", "tag_id", "message_id"],
  ...["second_message_id", "role_id", "user_id", "banned_id", "webhook_id", "application_id", "owner_id", "command_id"],
].map((name) => `{{${name}}}`);
const NO_IDS = ["0", "1", "9223372036854775807", "18446744073709551615", "9".repeat(40)];
const id = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...IDS) }, fc.constantFrom(...NO_IDS));
/** Nobody answers at these. */
const url = fc.constantFrom(
  "http://127.0.0.1:2/a",
  "https://a.invalid/?q=%00",
  "attachment://a.png",
  "http://[::1]:2/",
);
const time = fc
  .date({ min: new Date("1969-12-31"), max: new Date("9999-12-31"), noInvalidDate: true })
  .map((date) => date.toISOString());
const IMAGE = "data:image/png;base64,iVBORw0KGgo=";
const word = fc.oneof(
  { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
  { weight: 2, arbitrary: fc.stringMatching(/^[a-z]{3,10}$/) },
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom(
    "8",
    "1024",
    "-1",
    "👍",
    "de",
    "@everyone",
    "<@{{user_id}}> <#{{channel_id}}> <@&{{role_id}}>",
    IMAGE,
  ),
  id,
  url,
);

/** What fields take, by their name, where that is no id of the same name. */
const LIKELY: Partial<Record<string, unknown>> = {
  messages: ["{{message_id}}", "{{second_message_id}}"],
  user_ids: ["{{user_id}}"],
  webhook_channel_id: "{{channel_id}}",
};

/** What a field is named after, more often than any id. */
function named(key: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const likely = IDS.includes(`{{${key}}}`) ? `{{${key}}}` : LIKELY[key];
  return likely === undefined ? value : fc.oneof(value, fc.constant(likely));
}

class Bodies {
  readonly #hostile: boolean;
  readonly #made = new Map<string, fc.Arbitrary<unknown>>();
  readonly #numbers = new Map<z.core.$ZodType, number>();

  constructor(hostile: boolean) {
    this.#hostile = hostile;
  }

  /** @param depth how much deeper it may still go */
  of(schema: z.core.$ZodType, depth: number): fc.Arbitrary<unknown> {
    const number = this.#numbers.get(schema) ?? this.#numbers.size;
    this.#numbers.set(schema, number);
    const key = `${number} ${depth}`;
    const made = this.#made.get(key) ?? this.#spoilt(this.#fitting(schema, depth));
    this.#made.set(key, made);
    return made;
  }

  #spoilt(fitting: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
    if (!this.#hostile) return fitting;
    return fc.oneof({ weight: 24, arbitrary: fitting }, fc.constantFrom(...HOSTILE));
  }

  #fitting(schema: z.core.$ZodType, depth: number): fc.Arbitrary<unknown> {
    const { def } = (schema as z.core.$ZodTypes)._zod;
    switch (def.type) {
      case "lazy":
        return this.of(def.getter(), depth);
      case "pipe":
        return this.of(def.in, depth);
      case "optional":
      case "default":
      case "prefault":
      case "readonly":
        return this.of(def.innerType, depth);
      case "nullable":
        return fc.oneof({ weight: 5, arbitrary: this.of(def.innerType, depth) }, fc.constant(null));
      case "union":
        return fc.oneof(...def.options.map((option) => this.of(option, depth)));
      case "literal":
        return fc.constantFrom(...def.values.map((value) => (typeof value === "bigint" ? String(value) : value)));
      case "enum":
        return fc.constantFrom(...Object.values(def.entries));
      case "array":
        return this.#list(schema, def.element, depth);
      case "record":
        return fc.dictionary(
          fc.constantFrom("de", "fr", "0", "1", "{{role_id}}", "x"),
          this.of(def.valueType, depth - 1),
        );
      case "object":
        return this.#object(def.shape, depth);
      case "string":
        return this.#text(schema);
      case "number":
        return this.#number(schema);
      case "boolean":
        return fc.boolean();
      case "null":
      case "undefined":
        return fc.constant(null);
      default:
        return fc.oneof(word, fc.integer(), fc.constantFrom(...HOSTILE));
    }
  }

  #list(schema: z.core.$ZodType, element: z.core.$ZodType, depth: number): fc.Arbitrary<unknown> {
    const { minimum = 0, maximum = 100 } = schema._zod.bag;
    if (depth <= 0) return fc.constant([]);
    const size = { minLength: Number(minimum), maxLength: Math.max(Number(minimum), Math.min(Number(maximum), 3)) };
    const few = fc.array(this.of(element, depth - 1), size);
    if (!this.#hostile) return few;
    const many = this.of(element, depth - 1).map((one) => Array.from({ length: Number(maximum) + 1 }, () => one));
    return fc.oneof({ weight: 30, arbitrary: few }, many);
  }

  #object(shape: Readonly<z.core.$ZodShape>, depth: number): fc.Arbitrary<unknown> {
    const keys = Object.keys(shape);
    const required = keys.filter((key) => shape[key]?._zod.optin !== "optional");
    // Below the limit only what must be there.
    const kept = depth > 0 ? keys : required;
    const fields = kept.map((key) => [key, named(key, this.of(shape[key] ?? z.unknown(), depth - 1))] as const);
    const all = fc.record(Object.fromEntries(fields), { requiredKeys: required });
    // One or two of many optional fields are taken more often than half of all.
    const optional = kept.filter((key) => !required.includes(key));
    const few = fc
      .tuple(all, fc.subarray(optional, { maxLength: Math.min(3, optional.length) }))
      .map(([whole, chosen]) => {
        return Object.fromEntries(
          Object.entries(whole).filter(([key]) => required.includes(key) || chosen.includes(key)),
        );
      });
    return fc.oneof({ weight: 1, arbitrary: all }, { weight: 2, arbitrary: few });
  }

  #text(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
    const { format, patterns, minimum, maximum } = schema._zod.bag;
    if (format === "datetime") return time;
    if (format === "url") return url;
    if (patterns instanceof Set && [...patterns].some((pattern) => /0-9|\\d/.test(String(pattern)))) return id;
    const [least, most] = [Number(minimum ?? 0), Number(maximum ?? 4000)];
    const edges = this.#hostile ? [least, most, most + 1, Math.max(0, least - 1)] : [least, most];
    const long = fc
      .tuple(fc.constantFrom("x", "é", "字"), fc.constantFrom(...edges))
      .map(([one, n]) => one.repeat(Math.min(n, 8000)));
    return fc.oneof({ weight: 8, arbitrary: word.map((text) => text.slice(0, Math.max(most, 24))) }, long);
  }

  #number(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
    const { minimum, maximum } = schema._zod.bag;
    const [least, most] = [Number(minimum ?? -(2 ** 31)), Number(maximum ?? 2 ** 31 - 1)];
    const edges = this.#hostile ? [least - 1, most + 1, least + 0.5] : [];
    return fc.oneof(
      fc.constantFrom(least, most, ...edges),
      fc.integer({ min: Math.max(least, -5), max: Math.min(Math.max(least, 70), most) }),
      fc.integer({ min: Math.ceil(Math.max(least, -(2 ** 31))), max: Math.floor(Math.min(most, 2 ** 31 - 1)) }),
    );
  }
}
