// A reporter for vitest: one line of JSON for each test, written as soon as its file is done; and what failed outside of tests.
import { appendFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect, stripVTControlCharacters as plain } from 'node:util'

const out = join(dirname(fileURLToPath(import.meta.url)), 'told')
const write = (line) => appendFileSync(out, JSON.stringify(line) + '\n')
const shown = (value) => (typeof value === 'string' ? plain(value) : inspect(value, { depth: 6, breakLength: 120, maxStringLength: 2000 }))

function fault(error) {
  const told = { message: plain(String(error?.message ?? error ?? '')), stack: plain(String(error?.stack ?? error?.stackStr ?? '')) }
  if (error && typeof error === 'object' && error.expected !== undefined && error.actual !== undefined) {
    told.expected = shown(error.expected)
    told.actual = shown(error.actual)
  }
  // Where a file cannot be parsed, its error has a place of its own.
  if (error?.loc?.line) told.line = error.loc.line
  return told
}

export default class Reporter {
  written = new Set()

  onTestModuleEnd(module) {
    this.file(module.task)
  }

  // The last word since vitest 3; before that it is `onFinished`.
  onTestRunEnd(modules, errors) {
    this.end(modules.map((module) => module.task), errors)
  }

  onFinished(files = [], errors = []) {
    this.end(files, errors)
  }

  end(files, errors) {
    for (const file of files) this.file(file)
    if (this.ended) return
    this.ended = true
    write({ end: true, errors: (errors ?? []).map(fault) })
  }

  file(task) {
    if (!task || this.written.has(task)) return
    this.written.add(task)
    const errors = task.result?.errors ?? []
    const broken = errors.length > 0 || (task.result?.state === 'fail' && !task.tasks?.length)
    if (broken) write({ file: task.filepath, name: [], state: 'failed', ms: task.result?.duration, errors: errors.map(fault) })
    for (const child of task.tasks ?? []) this.task(task.filepath, [], child)
  }

  task(file, names, task) {
    const name = [...names, task.name]
    const errors = task.result?.errors ?? []
    if (task.type === 'suite') {
      if (errors.length > 0) write({ file, name, state: 'failed', line: task.location?.line, errors: errors.map(fault) })
      for (const child of task.tasks ?? []) this.task(file, name, child)
      return
    }
    const state = { pass: 'passed', fail: 'failed' }[task.result?.state] ?? (task.mode === 'run' || task.mode === 'queued' ? 'unknown' : 'skipped')
    const line = { file, name, state, line: task.location?.line, ms: task.result?.duration, retries: task.result?.retryCount }
    if (state === 'failed') line.errors = errors.map(fault)
    write(line)
  }
}
