/**
 * Remembers what is made of a text: for what is asked again and again, such as a few addresses. When it knows as many
 * texts as it may, it begins anew.
 */
export function memoized<T>(most: number, make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const made = make(text);
    if (known.size >= most) known.clear();
    known.set(text, made);
    return made;
  };
}
