#!/usr/bin/env node
import { runProgram } from './program.ts'

const LINGER_MS = 1_000

// Whoever reads our output may go away; what runs goes on.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exitCode = await runProgram(process.argv)
// Fires only when something that nobody waits for keeps the process from ending.
setTimeout(() => process.exit(), LINGER_MS).unref()
