import { readFile } from 'node:fs/promises'
import { loadConfig } from '../../config/config.ts'
import { settingNames } from '../../config/settings.ts'

// Read by the Temporal SDK's environment configuration.
const SDK_PREFIX = 'TEMPORAL_'

let lines: readonly string[]

beforeAll(async () => {
  const text = await readFile(new URL('../../.env.example', import.meta.url), 'utf8')
  lines = text.split('\n').filter((line) => /^#[A-Z]/.test(line))
})

test('.env.example lists every setting once, with its meaning, and nothing else', () => {
  const names = lines.map((line) => line.slice(1, line.indexOf('=')))
  const ours = names.filter((name) => !name.startsWith(SDK_PREFIX) || settingNames.includes(name))
  expect(ours.toSorted()).toEqual([...settingNames].toSorted())
  expect(new Set(names).size).toBe(names.length)
  for (const line of lines) expect(line).toMatch(/^#[A-Z_]+=\S*\s+# \S/)
})

test('.env.example shows the defaults', () => {
  const env = Object.fromEntries(
    lines.map((line) => {
      const [name = '', rest = ''] = line.slice(1).split(/=(.*)/s)
      return [name, rest.replace(/\s*# .*$/, '')]
    }),
  )
  expect(loadConfig(env)).toEqual(loadConfig({}))
})
