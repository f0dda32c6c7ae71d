import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { transform } from '@swc/core'
import { readFile } from 'node:fs/promises'

test('createLogger() writes JSON lines to stderr and blacks out secrets and personal fields', async () => {
  const source = await readFile(new URL('../../config/log.ts', import.meta.url), 'utf8')
  const { code } = await transform(source, {
    jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
  })
  const script = `${code}
    const log = createLogger({ level: 'info', name: 'probe', pretty: false })
    log.info({ requestId: 'r1', ssn: 'canary', row: { familyName: 'canary' }, a: { b: { token: 'canary' } } }, 'hello')
    log.debug('not shown')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  expect(out).toBe('')
  const lines = err.trim().split('\n')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ name: 'probe', requestId: 'r1', msg: 'hello' })
  expect(err).not.toContain('canary')
})
