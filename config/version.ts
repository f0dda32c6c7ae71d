import { readFileSync } from 'node:fs'

/** The version of the product, from its package. */
export function readVersion(): string {
  // Built files lie one folder deeper than sources.
  const path = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json'
  const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
    version: string
  } // our own
  return manifest.version
}
