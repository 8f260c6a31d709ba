// How promptfoo asks: one chat completion; a refusal is an answer that names its code, anything else is an error.
export default class Door {
  constructor(options) {
    this.config = options.config;
    this.name = options.id;
  }

  id() {
    return this.name;
  }

  async callApi(_prompt, context) {
    const { url, model, key } = this.config;
    const { messages, tools } = JSON.parse(context.vars.call);
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${process.env[key]}` },
      body: JSON.stringify({ model, messages, ...(tools ? { tools } : {}) }),
    });
    const document = await answer.json();
    if (answer.status === 403) return { output: `[refused: ${document.error.code}]` };
    if (answer.status !== 200) return { error: `status ${answer.status} ${JSON.stringify(document.error?.code)}` };
    const message = document.choices[0].message;
    return { output: (message.content ?? "") + JSON.stringify(message.tool_calls ?? "") };
  }
}
