// A reporter for `node --test`: one line of JSON for each test that ended, with what node's own reporters leave out, such as its file.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { inspect, stripVTControlCharacters as plain } from 'node:util'

const shown = (value) => (typeof value === 'string' ? value : inspect(value, { depth: 6, breakLength: 120, maxStringLength: 2000 }))

function fault(error) {
  const cause = error?.cause instanceof Error || (error?.cause && typeof error.cause === 'object') ? error.cause : error
  const told = { message: plain(String(cause?.message ?? cause ?? '')), stack: plain(String(cause?.stack ?? '')) }
  if (cause && typeof cause === 'object' && 'expected' in cause && 'actual' in cause && cause.code === 'ERR_ASSERTION') {
    told.expected = shown(cause.expected)
    told.actual = shown(cause.actual)
  }
  if (error?.exitCode != null) told.message += ` (exit code ${error.exitCode})`
  if (error?.signal != null) told.message += ` (ended by ${error.signal})`
  return told
}

const isFile = (data) => data.nesting === 0 && data.file !== undefined && resolve(data.name) === data.file
const marked = (data) => ({ file: data.file, name: isFile(data) ? [] : [data.name] })

// A file that has tests and told of none has left before they ended, however well. What a pattern leaves out is not told at all.
function left(file) {
  if (process.execArgv.some((option) => option.startsWith('--test-name-pattern'))) return false
  try {
    return /['"]node:test['"]/.test(readFileSync(file, 'utf8'))
  } catch {
    return false
  }
}

export default async function* report(source) {
  const open = new Map()
  const waiting = new Map()
  const count = (data, by) => {
    const key = JSON.stringify([data.file, data.nesting, data.name])
    waiting.set(key, (waiting.get(key) ?? 0) + by)
  }
  for await (const { type, data } of source) {
    if (type === 'test:enqueue' && !isFile(data)) count(data, 1)
    if (type === 'test:pass' || type === 'test:fail') count(data, -1)
    if (type === 'test:dequeue') yield JSON.stringify({ ...marked(data), state: 'begun' }) + '\n'
    if (type === 'test:complete') yield JSON.stringify({ ...marked(data), state: 'over' }) + '\n'
    if (type === 'test:start') {
      const names = open.get(data.file) ?? []
      names.length = data.nesting
      names.push(data.name)
      open.set(data.file, names)
    } else if (type === 'test:pass' || type === 'test:fail') {
      const suite = data.details?.type === 'suite'
      const failed = type === 'test:fail' && data.todo === undefined
      // A suite fails because of what is in it, which is told by itself.
      if (suite && !(failed && data.details?.error?.failureType !== 'subtestsFailed')) continue
      const skipped = data.skip !== undefined || data.todo !== undefined
      // A file that ended badly, or that holds no test at all, is told as a test of its own name.
      const whole = isFile(data)
      const name = whole ? [] : [...(open.get(data.file) ?? []).slice(0, data.nesting), data.name]
      const line = { file: data.file, name, line: data.line, ms: data.details?.duration_ms }
      line.state = failed ? 'failed' : skipped ? 'skipped' : whole && left(data.file) ? 'unknown' : 'passed'
      if (failed) line.errors = [fault(data.details?.error)]
      yield JSON.stringify(line) + '\n'
    } else if (type === 'test:diagnostic' && data.nesting === 0 && data.message?.startsWith('duration_ms')) {
      for (const [key, left] of waiting) {
        const [file, , name] = JSON.parse(key)
        if (left > 0) yield JSON.stringify({ file, name: [name], state: 'unknown' }) + '\n'
      }
      yield JSON.stringify({ end: true }) + '\n'
    }
  }
}
