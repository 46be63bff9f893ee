// A reporter for jest: one line of JSON for each test, written as soon as its file is done.
const { appendFileSync } = require('node:fs')
const { join } = require('node:path')
const { inspect, stripVTControlCharacters: plain } = require('node:util')

const out = join(__dirname, 'told')
const write = (line) => appendFileSync(out, JSON.stringify(line) + '\n')
const shown = (value) => (typeof value === 'string' ? value : inspect(value, { depth: 6, breakLength: 120, maxStringLength: 2000 }))
const states = { passed: 'passed', failed: 'failed', pending: 'skipped', skipped: 'skipped', disabled: 'skipped', todo: 'skipped' }

// jest puts message and stack together; the stack begins at the first line that is a frame.
function fault(text, detail) {
  const whole = plain(String(text ?? ''))
  const frames = whole.search(/\n\s+at /)
  const told = { message: frames < 0 ? whole : whole.slice(0, frames), stack: whole }
  const result = detail?.matcherResult
  if (result && 'expected' in result && 'actual' in result) {
    told.expected = shown(result.expected)
    told.actual = shown(result.actual)
  }
  return told
}

module.exports = class Reporter {
  onTestResult(test, result) {
    const file = result.testFilePath
    if (result.testExecError) write({ file, name: [], state: 'failed', errors: [fault(result.failureMessage)] })
    for (const one of result.testResults ?? []) {
      const line = { file, name: [...one.ancestorTitles, one.title], line: one.location?.line, state: states[one.status] ?? 'unknown' }
      line.ms = one.duration ?? undefined
      line.retries = (one.invocations ?? 1) - 1
      if (line.state === 'failed') line.errors = one.failureMessages.map((text, at) => fault(text, one.failureDetails?.[at]))
      write(line)
    }
  }

  onRunComplete() {
    write({ end: true })
  }
}
