//! Who can answer: OpenAI-shaped chat completions.
