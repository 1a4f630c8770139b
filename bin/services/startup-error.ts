/** Why Guildhall can't start, in one line that says what to do: printed without a stack trace, exit code 1. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}
