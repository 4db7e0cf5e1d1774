"""What PyTorch does on the same machine, for scripts/gpu-check to put beside what jllm does.

    python3 torch-reference.py info
    python3 torch-reference.py products 4096 8192
    python3 torch-reference.py attention               of GPT-2 in training, of a prompt of Llama 3 8B
    python3 torch-reference.py train BATCH LENGTH      steps of GPT-2 124M, each precision
    python3 torch-reference.py generate PROMPT TOKENS  a Llama of 1.1 billion weights in bf16

Each line of a result is a row of a Markdown table. With --small all shapes are tiny, to try the
script; without a GPU it runs on the CPU.
"""

import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WARM_UP_SECONDS = 0.5


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def seconds(run, repetitions):
    """The median time of a run, after a warm-up."""
    begin = time.perf_counter()
    while True:
        run()
        wait()
        if time.perf_counter() - begin > WARM_UP_SECONDS:
            break
    times = []
    for _ in range(repetitions):
        wait()
        start = time.perf_counter()
        run()
        wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def precise(tf32):
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def products(sizes):
    for n in sizes:
        for name, dtype in (("f32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16)):
            precise(name == "tf32")
            x = torch.randn(n, n, device=DEVICE, dtype=dtype)
            w = torch.randn(n, n, device=DEVICE, dtype=dtype)
            out = torch.empty(n, n, device=DEVICE, dtype=dtype)
            each = max(5, min(100, int(2e10 / n**3 * 50)))

            def run():
                for _ in range(each):
                    torch.matmul(x, w.t(), out=out)

            time_of_one = seconds(run, 10) / each
            row("torch", name, n, f"{time_of_one * 1000:.3f} ms", f"{2 * n**3 / time_of_one / 1e9:.1f}")


def attention(small):
    sizes = [(2, 4, 2, 64, 64)] if small else [(16, 12, 12, 64, 1024), (1, 32, 8, 128, 4096)]
    for batch, heads, kv_heads, width, length in sizes:
        for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
            precise(False)

            def tensor(count):
                return torch.randn(batch, count, length, width, device=DEVICE, dtype=dtype, requires_grad=True)

            # Heads that share a key head have copies of it here, which is not timed.
            q, k, v = tensor(heads), tensor(heads), tensor(heads)
            upstream = torch.randn_like(q)
            each = 1 if small else 10

            def forward():
                for _ in range(each):
                    F.scaled_dot_product_attention(q, k, v, is_causal=True)

            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)

            def backward():
                for _ in range(each):
                    torch.autograd.grad(out, (q, k, v), upstream, retain_graph=True)

            flops = 2 * batch * heads * width * length * length
            shape = f"{batch} x {heads}/{kv_heads} heads of {width} x {length}"
            for what, run, products in (("forward", forward, 1), ("backward", backward, 2.5)):
                time_of_one = seconds(run, 10) / each
                row("torch " + what, name, shape, f"{time_of_one * 1000:.3f}",
                    f"{products * flops / time_of_one / 1e12:.1f}")


class Gpt(nn.Module):
    """GPT-2: layer norm, learned positions, biases, tied output."""

    def __init__(self, layers, heads, width, vocabulary, length):
        super().__init__()
        self.heads = heads
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm1": nn.LayerNorm(width),
                    "qkv": nn.Linear(width, 3 * width),
                    "out": nn.Linear(width, width),
                    "norm2": nn.LayerNorm(width),
                    "up": nn.Linear(width, 4 * width),
                    "down": nn.Linear(4 * width, width),
                }
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, ids, targets):
        batch, length = ids.shape
        x = self.tokens(ids) + self.positions(torch.arange(length, device=ids.device))
        width = x.shape[-1]
        for block in self.blocks:
            q, k, v = block["qkv"](block["norm1"](x)).split(width, dim=2)
            q, k, v = (
                t.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for t in (q, k, v)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + block["out"](y.transpose(1, 2).reshape(batch, length, width))
            x = x + block["down"](F.gelu(block["up"](block["norm2"](x)), approximate="tanh"))
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def train(batch, length, small):
    shape = (2, 2, 64, 300) if small else (12, 12, 768, 50257)
    rows = [("torch eager", "f32"), ("torch eager", "tf32"), ("torch eager", "bf16 autocast")]
    if DEVICE == "cuda" and hasattr(torch, "compile"):
        rows.append(("torch compiled", "bf16 autocast"))
    for how, name in rows:
        precise(name == "tf32")
        autocast = torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=name.startswith("bf16"))
        torch.manual_seed(1)
        model = Gpt(*shape, length).to(DEVICE)
        run = torch.compile(model) if how == "torch compiled" else model
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.1, fused=DEVICE == "cuda")
        ids = torch.randint(shape[3], (batch, length + 1), device=DEVICE)

        def step():
            with autocast:
                loss = run(ids[:, :-1], ids[:, 1:])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        try:
            time_of_step = seconds(step, 5)
        except Exception as error:  # its compiler needs one of C, which may not be there
            row(how, name, f"{batch} x {length}", "-", str(error).split("\n")[0][:80])
            continue
        row(how, name, f"{batch} x {length}", f"{time_of_step * 1000:.1f} ms",
            f"{batch * length / time_of_step:.0f}")


class Llama:
    """Llama with random weights: RMS norm, rotary positions, grouped heads, SwiGLU."""

    def __init__(self, layers, width, hidden, heads, kv_heads, vocabulary, context):
        def weight(rows, columns):
            return torch.randn(rows, columns, device=DEVICE, dtype=torch.bfloat16) / math.sqrt(columns)

        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        self.embedding = weight(vocabulary, width)
        self.head = weight(vocabulary, width)
        self.ones = torch.ones(width, device=DEVICE, dtype=torch.bfloat16)
        kv = kv_heads * self.size
        self.layers = [
            (weight(width, width), weight(kv, width), weight(kv, width), weight(width, width),
             weight(hidden, width), weight(hidden, width), weight(width, hidden))
            for _ in range(layers)
        ]
        cache = (layers, 1, kv_heads, context, self.size)
        self.keys = torch.zeros(cache, device=DEVICE, dtype=torch.bfloat16)
        self.values = torch.zeros(cache, device=DEVICE, dtype=torch.bfloat16)
        angles = torch.outer(
            torch.arange(context, device=DEVICE).float(),
            10000.0 ** (-torch.arange(0, self.size, 2, device=DEVICE).float() / self.size))
        self.cos, self.sin = angles.cos().bfloat16(), angles.sin().bfloat16()
        self.places = torch.arange(context, device=DEVICE)

    def norm(self, x):
        return x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-5).to(x.dtype) * self.ones

    def turn(self, x, at):
        a, b = x.chunk(2, dim=-1)
        cos, sin = self.cos[at], self.sin[at]
        return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)

    def run(self, ids, at):
        """The logits of the last of the tokens, which have the positions in at."""
        rows = ids.shape[0]
        x = self.embedding[ids].unsqueeze(0)
        seen = self.places[None, :] <= at[:, None]
        group = self.heads // self.kv_heads
        for i, (q, k, v, out, gate, up, down) in enumerate(self.layers):
            y = self.norm(x)

            def heads(w, count):
                return F.linear(y, w).view(1, rows, count, self.size).transpose(1, 2)

            query = self.turn(heads(q, self.heads), at)
            self.keys[i].index_copy_(2, at, self.turn(heads(k, self.kv_heads), at))
            self.values[i].index_copy_(2, at, heads(v, self.kv_heads))
            attended = F.scaled_dot_product_attention(
                query,
                self.keys[i].repeat_interleave(group, dim=1),
                self.values[i].repeat_interleave(group, dim=1),
                attn_mask=seen)
            x = x + F.linear(attended.transpose(1, 2).reshape(1, rows, -1), out)
            y = self.norm(x)
            x = x + F.linear(F.silu(F.linear(y, gate)) * F.linear(y, up), down)
        return F.linear(self.norm(x[:, -1]), self.head)


@torch.no_grad()
def generate(prompt, tokens, small):
    shape = (2, 64, 128, 4, 2, 300) if small else (16, 2048, 8192, 32, 8, 32000)
    model = Llama(*shape, prompt)
    ids = torch.randint(shape[5], (prompt,), device=DEVICE)
    at = torch.arange(prompt, device=DEVICE)
    time_of_prompt = seconds(lambda: model.run(ids, at), 5)
    row("torch eager", "bf16", f"pp{prompt}", f"{prompt / time_of_prompt:.1f}")

    model = Llama(*shape, tokens)
    ids, at = ids[:1].clone(), at[:1].clone()

    def text(step):
        at.zero_()
        for _ in range(tokens):
            ids.copy_(step().argmax(-1))
            at.add_(1)
            ids.tolist()  # as a sampler on the host does

    time_of_text = seconds(lambda: text(lambda: model.run(ids, at)), 3)
    row("torch eager", "bf16", f"tg{tokens}", f"{tokens / time_of_text:.1f}")
    if DEVICE == "cuda":
        at.zero_()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                model.run(ids, at)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = model.run(ids, at)

        def replay():
            graph.replay()
            return logits

        time_of_text = seconds(lambda: text(replay), 3)
        row("torch, CUDA graph", "bf16", f"tg{tokens}", f"{tokens / time_of_text:.1f}")


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--small"]
    small = "--small" in sys.argv
    what, numbers = arguments[0], [int(number) for number in arguments[1:]]
    if what == "info":
        name = torch.cuda.get_device_name() if DEVICE == "cuda" else "no GPU that it can use"
        print(f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}: {name}")
    elif what == "products":
        products(numbers)
    elif what == "attention":
        attention(small)
    elif what == "train":
        train(numbers[0], numbers[1], small)
    elif what == "generate":
        generate(numbers[0], numbers[1], small)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
