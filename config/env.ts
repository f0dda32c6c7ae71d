/** A read-only view of the environment; the one place that reads `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>

/** The process's environment. */
export function readEnv(): Env {
  return process.env
}
