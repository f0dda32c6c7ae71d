import { createProgram } from '../../cli/program.ts'
import { spawnRegistrar } from '../support/registrar-process.ts'
import { runCommand } from '../support/command.ts'

const COMMANDS = (await createProgram()).commands.map((command) => command.name())

test.each([['--help'], ['--version'], ...COMMANDS.map((name) => [name, '--help'])])(
  'registrar %s %s explains itself on stdout and ends with 0',
  async (...args) => {
    const { code, stdout, stderr } = await runCommand(args.filter(Boolean), {})
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).not.toBe('')
  },
)

test.each([
  ['no command', []],
  ['an unknown command', ['frobnicate']],
  ['an unknown flag', ['up', '--frobnicate']],
  ['a flag without its value', ['up', '--port']],
  ['a port that is none', ['up', '--port', '65536']],
  ['an empty directory', ['up', '--data-dir', '']],
  ['an argument too many', ['migrate', 'now']],
  ['a token for nobody', ['token']],
  ['a duration that is none', ['token', '--subject', 'x', '--ttl', 'soon']],
  ['a duration of nothing', ['token', '--subject', 'x', '--ttl', '0s']],
  ['a serial that is none', ['change', 'status', 'abc']],
  ['an unknown queue', ['worker', '--queues', 'registrar,frobnicate']],
])(
  'registrar ends with 2 on %s, with the reason on stderr and nothing on stdout',
  async (_, args) => {
    const { code, stdout, stderr } = await runCommand(args, {})
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).not.toBe('')
  },
)

test.each([
  ['a profile that is not there', ['change', 'submit', '/nowhere/profile.json']],
  ['a profile that is a directory', ['change', 'submit', '/']],
  ['a directory that is not there', ['sample', 'licenses', '--rows', '5', '--out', '/nowhere/x']],
])('registrar ends with 1 on %s, and says so in one line', async (_, args) => {
  const { code, stderr } = await runCommand(args, {})
  expect(code).toBe(1)
  expect(stderr).toMatch(/(^|\n)error: Cannot \w+ "\/[^"]*": [^\n]+\n$/)
})

test('token refuses to go on with other issuers configured', async () => {
  const issuers = JSON.stringify([{ issuer: 'https://id.example.org', audience: 'registrar' }])
  const { code, stdout, stderr } = await runCommand(['token', '--subject', 'x'], {
    AUTH_ISSUERS: issuers,
  })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toContain('the local issuer is off')
})

test('the built program ends with the same exit codes', async () => {
  const [wrong, right] = await Promise.all([
    spawnRegistrar(['frobnicate']).result,
    spawnRegistrar(['--version']).result,
  ])
  expect([wrong.ended, wrong.stdout, right.ended]).toEqual([2, '', 0])
  expect(right.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})
