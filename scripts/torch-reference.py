"""What PyTorch does on the same machine, for scripts/gpu-check to put beside what jllm does.

    python3 torch-reference.py info
    python3 torch-reference.py train LENGTH BATCH...          steps of GPT-2 124M in bf16, as nanoGPT does them
    python3 torch-reference.py precisions LENGTH BATCH        the same in float32 and TF32
    python3 torch-reference.py generate PROMPT TOKENS SHAPE   a Llama in bf16; shapes: 1b, 8b
    python3 torch-reference.py lora LENGTH BATCH RANK SHAPE   steps of an adapter over a frozen Llama in bf16
    python3 torch-reference.py products 4096 8192
    python3 torch-reference.py attention                      of GPT-2 in training, of a prompt of Llama 3 8B

A result is a table in Markdown, written row by row. A row that fails or takes too long says so, and
the next one begins. With --seconds=N no row begins later than that. With --small all shapes are
tiny, to try the script; without a GPU it runs on the CPU.
"""

import contextlib
import functools
import gc
import logging
import math
import signal
import statistics
import subprocess
import sys
import time
import warnings

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

BEGIN = time.monotonic()
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WARM_UP_SECONDS = 0.5
WARM_UP_RUNS = 3

# A row may take so long, compiling included, and needs so much time to be begun.
ROW_SECONDS = 200
LEAST_SECONDS = 10

# Operations of a multiprocessor in a cycle, as NVIDIA's white papers state them, without sparsity;
# jllm's MFU is a share of the same peak.
STATED = {(8, 0): {"f32": 128, "tf32": 1024, "bf16": 2048}, (9, 0): {"f32": 256, "tf32": 2048, "bf16": 4096}}


class Settings:
    small = "--small" in sys.argv
    seconds = next((float(a.split("=")[1]) for a in sys.argv if a.startswith("--seconds=")), math.inf)


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def seconds(run, repetitions):
    """The median time of a run, after a warm-up, of which the first run may compile."""
    run()
    wait()
    begin = time.perf_counter()
    runs = 1
    while runs < WARM_UP_RUNS or time.perf_counter() - begin < WARM_UP_SECONDS:
        run()
        wait()
        runs += 1
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


def header(*cells):
    row(*cells)
    row(*("---" for _ in cells))


class TooLong(Exception):
    pass


@contextlib.contextmanager
def at_most(limit):
    """Stops what runs within after so many seconds."""

    def stop(*_):
        raise TooLong(f"not done after {limit} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)


def free():
    torch._dynamo.reset()
    gc.collect()
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def tried(columns, cells, measure):
    """A row: the cells that say what is measured, then those that measure() returns."""
    left = Settings.seconds - (time.monotonic() - BEGIN)
    if left < LEAST_SECONDS:
        failed(columns, cells, "left out: no time")
        return
    try:
        with at_most(int(min(ROW_SECONDS, left))):
            row(*cells, *measure())
    except Exception as error:
        text = " ".join(str(error).split()).replace("|", "/")[:160]
        failed(columns, cells, f"**failed**: {type(error).__name__}: {text}")
    with contextlib.suppress(Exception):  # After some errors nothing works, which the next row says.
        free()


def failed(columns, cells, why):
    row(*cells, *("-" for _ in range(columns - len(cells) - 1)), why)


def memory():
    return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if DEVICE == "cuda" else "-"


@functools.cache
def clock():
    """The highest clock of the multiprocessors in Hz, or NaN."""
    try:
        said = subprocess.run(
            ["nvidia-smi", "--query-gpu=clocks.max.sm", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, timeout=20, check=True)
        return float(said.stdout.split()[0]) * 1e6
    except Exception:
        return getattr(torch.cuda.get_device_properties(0), "clock_rate", math.nan) * 1e3


def stated(precision):
    """Operations a second that the maker states, or NaN where that is not known."""
    if DEVICE != "cuda":
        return math.nan
    properties = torch.cuda.get_device_properties(0)
    each = STATED.get((properties.major, properties.minor), {}).get(precision, math.nan)
    return each * properties.multi_processor_count * clock()


def copy_rate():
    """Bytes a second that copies read and write, as jllm measures them."""
    size = 2**20 if Settings.small else 2**30
    source = torch.zeros(size, dtype=torch.uint8, device=DEVICE)
    target = torch.empty_like(source)
    return 2 * size / seconds(lambda: target.copy_(source), 10)


def product_rate(n, dtype):
    x, w = (torch.randn(n, n, device=DEVICE, dtype=dtype) for _ in range(2))
    out = torch.empty(n, n, device=DEVICE, dtype=dtype)
    each = max(5, min(100, int(2e10 / n**3 * 50)))

    def run():
        for _ in range(each):
            torch.matmul(x, w.t(), out=out)

    return 2 * n**3 * each / seconds(run, 10)


def limits(precision="bf16"):
    """What rows are set beside: said once, above the table."""
    copies = products = math.nan
    with contextlib.suppress(Exception):  # The rows are worth something without it.
        copies = copy_rate()
        products = product_rate(128 if Settings.small else 8192, torch.bfloat16)
        free()
    print(f"PyTorch measured {copies / 1e9:.1f} GB/s in copies, {products / 1e12:.1f} TFLOP/s in bf16 products.")
    peak = stated(precision)
    if not math.isnan(peak):
        print(f"MFU is of the {peak / 1e12:.1f} TFLOP/s in {precision} that NVIDIA's white paper gives at the highest clock,"
              f" {clock() / 1e6:.0f} MHz.")
    print(flush=True)
    return copies, products


def percent(share):
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"


def products(sizes):
    header("products", "precision", "n", "time", "GFLOP/s")
    for n in sizes:
        for name, dtype in (("f32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16)):

            def measure():
                precise(name == "tf32")
                rate = product_rate(n, dtype)
                return f"{2 * n**3 / rate * 1000:.3f} ms", f"{rate / 1e9:.1f}"

            tried(5, ("torch", name, n), measure)


def attention():
    header("attention", "precision", "shape", "ms", "TFLOP/s")
    sizes = [(2, 4, 2, 64, 64)] if Settings.small else [(16, 12, 12, 64, 1024), (1, 32, 8, 128, 4096)]
    for size in sizes:
        batch, heads, kv_heads, width, length = size
        shape = f"{batch} x {heads}/{kv_heads} heads of {width} x {length}"
        for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
            for backward in (False, True):
                cells = ("torch backward" if backward else "torch forward", name, shape)
                tried(5, cells, lambda: attention_times(size, dtype, backward))


def attention_times(size, dtype, backward):
    batch, heads, _, width, length = size
    precise(False)
    # Heads that share a key head have copies of it here, which is not timed.
    q, k, v = (
        torch.randn(batch, heads, length, width, device=DEVICE, dtype=dtype, requires_grad=True) for _ in range(3)
    )
    upstream = torch.randn_like(q)
    each = 1 if Settings.small else 10
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def run():
        for _ in range(each):
            if backward:
                torch.autograd.grad(out, (q, k, v), upstream, retain_graph=True)
            else:
                F.scaled_dot_product_attention(q, k, v, is_causal=True)

    time_of_one = seconds(run, 10) / each
    flops = 2 * batch * heads * width * length * length * (2.5 if backward else 1)
    return f"{time_of_one * 1000:.3f}", f"{flops / time_of_one / 1e12:.1f}"


class Gpt(nn.Module):
    """GPT-2: layer norm, learned positions, biases, tied output."""

    def __init__(self, layers, heads, width, vocabulary, length):
        super().__init__()
        self.heads = heads
        # Like nanoGPT's: tensor cores like multiples of 64.
        padded = (vocabulary + 63) // 64 * 64
        self.tokens = nn.Embedding(padded, width)
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
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

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


GPT2 = (12, 12, 768, 50257)
TINY_GPT = (2, 2, 64, 300)
TRAINING = ("training", "precision", "batch x tokens", "step", "tokens/s", "MFU", "memory")


def train(length, batches):
    """Pretraining as nanoGPT does it; the largest batch of those that fit is for the reader to find."""
    limits()
    header(*TRAINING)
    needed = {}
    for i, batch in enumerate(batches):
        for how in ("compiled", "eager"):
            name = "bf16 autocast"
            cells = (f"torch {how}", name, f"{batch} x {length}")
            expected = needed[how, batches[i - 1]] * batch / batches[i - 1] if (how, batches[i - 1]) in needed else 0
            if DEVICE == "cuda" and expected > 1.05 * torch.cuda.get_device_properties(0).total_memory:
                failed(len(TRAINING), cells, f"left out: needs {expected / 2**30:.0f} GiB")
                continue

            def measure():
                cells = gpt_step(name, batch, length, how == "compiled")
                needed[how, batch] = torch.cuda.max_memory_allocated() if DEVICE == "cuda" else 0
                return cells

            tried(len(TRAINING), cells, measure)


def precisions(length, batch):
    header(*TRAINING)
    for name in ("tf32", "f32"):
        tried(len(TRAINING), ("torch eager", name, f"{batch} x {length}"), lambda: gpt_step(name, batch, length, False))


def gpt_step(name, batch, length, compiled):
    shape = TINY_GPT if Settings.small else GPT2
    layers, _, width, vocabulary = shape
    precise(name != "f32")
    torch.manual_seed(1)
    model = Gpt(*shape, length).to(DEVICE)
    run = torch.compile(model, dynamic=False) if compiled else model
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-5, betas=(0.9, 0.95), fused=DEVICE == "cuda")
    ids = torch.randint(vocabulary, (batch, length + 1), device=DEVICE)
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()

    def step():
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=name.startswith("bf16")):
            loss = run(inputs, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    time_of_step = seconds(step, 10)
    matrices = 12 * layers * width**2 + vocabulary * width
    flops = 3 * (2 * matrices + attention_flops(layers, width, length))
    return step_cells(time_of_step, batch * length, flops, name.split()[0])


def attention_flops(layers, width, length):
    """Of the forward pass for a token, the causal half alone, as jllm counts them."""
    return 4 * layers * width * (length + 1) / 2


def step_cells(time_of_step, tokens, flops, precision):
    rate = tokens / time_of_step
    return f"{time_of_step * 1000:.1f} ms", f"{rate:.0f}", percent(rate * flops / stated(precision)), memory()


class Shape:
    def __init__(self, layers, width, hidden, heads, kv_heads, vocabulary, tied):
        self.layers, self.width, self.hidden, self.vocabulary, self.tied = layers, width, hidden, vocabulary, tied
        self.heads, self.kv_heads, self.head_width = heads, kv_heads, width // heads

    def in_blocks(self):
        """Numbers of the matrices of all blocks."""
        of_attention = 2 * self.width * (self.heads + self.kv_heads) * self.head_width
        return self.layers * (of_attention + 3 * self.width * self.hidden)

    def in_output(self):
        return self.vocabulary * self.width


SHAPES = {
    "1b": Shape(16, 2048, 8192, 32, 8, 128256, True),  # Llama 3.2
    "8b": Shape(32, 4096, 14336, 32, 8, 128256, False),  # Llama 3
    "tiny": Shape(4, 64, 128, 4, 2, 300, False),
}


def shape_named(name):
    return SHAPES["tiny" if Settings.small else name]


def causal(q, k, v):
    """Attention of whole sequences, in which some heads share a key head."""
    try:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=q.shape[1] != k.shape[1])
    except TypeError:  # of PyTorch before 2.5
        group = q.shape[1] // k.shape[1]
        k, v = (t.repeat_interleave(group, dim=1) for t in (k, v))
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def shared_heads(q, keys, values, seen):
    """Attention of one token: the heads that share a key head are rows of one product, which copies no keys."""
    batch, heads, _, width = q.shape
    kv_heads = keys.shape[1]
    rows = q.reshape(batch, kv_heads, heads // kv_heads, width)
    out = F.scaled_dot_product_attention(rows, keys, values, attn_mask=seen)
    return out.reshape(batch, heads, 1, width)


class Norm(nn.Module):
    """RMS norm, step by step as Hugging Face's Llama does it."""

    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * y.to(x.dtype)


def plain(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


class Block(nn.Module):
    def __init__(self, shape, linear, norm):
        super().__init__()
        self.head_width = shape.head_width
        kv = shape.kv_heads * shape.head_width
        self.norm1, self.norm2 = norm(shape.width, eps=1e-5), norm(shape.width, eps=1e-5)
        self.q, self.k, self.v = (linear(shape.width, outputs) for outputs in (shape.width, kv, kv))
        self.out = linear(shape.width, shape.width)
        self.gate, self.up = linear(shape.width, shape.hidden), linear(shape.width, shape.hidden)
        self.down = linear(shape.hidden, shape.width)

    def forward(self, x, cos, sin, cache=None, at=None, seen=None):
        batch, length, width = x.shape
        y = self.norm1(x)
        q, k, v = (
            linear(y).view(batch, length, -1, self.head_width).transpose(1, 2) for linear in (self.q, self.k, self.v)
        )
        q, k = turned(q, cos, sin), turned(k, cos, sin)
        if cache is None:
            attended = causal(q, k, v)
        else:
            keys, values = cache
            keys.index_copy_(2, at, k)
            values.index_copy_(2, at, v)
            attended = causal(q, k, v) if seen is None else shared_heads(q, keys, values, seen)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, width))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def turned(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


class Llama(nn.Module):
    """Llama with random weights: RMS norm, rotary positions, grouped heads, SwiGLU."""

    def __init__(self, shape, context, linear=plain, norm=Norm):
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(shape, linear, norm) for _ in range(shape.layers))
        self.norm = norm(shape.width, eps=1e-5)
        self.head = plain(shape.width, shape.vocabulary)
        if shape.tied:
            self.head.weight = self.embedding.weight
        even = torch.arange(0, shape.head_width, 2).float()
        angles = torch.outer(torch.arange(context).float(), 10000.0 ** (-even / shape.head_width))
        self.register_buffer("cos", angles.cos().bfloat16())
        self.register_buffer("sin", angles.sin().bfloat16())

    def forward(self, ids, recompute=False):
        """The logits of whole sequences."""
        x = self.embedding(ids)
        for block in self.blocks:
            if recompute:
                x = checkpoint(block, x, self.cos, self.sin, use_reentrant=False)
            else:
                x = block(x, self.cos, self.sin)
        return self.head(self.norm(x))


def made(build):
    """A model in bf16, made on the device."""
    torch.manual_seed(1)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(DEVICE):
            return build()
    finally:
        torch.set_default_dtype(before)


def compile_blocks(model, **options):
    """Compiles the code of a block once for all of them, which takes a fraction of the time of the whole model."""
    with contextlib.suppress(AttributeError):  # Newer ones can fail rather than go on without compiling.
        torch._dynamo.config.fail_on_recompile_limit_hit = True
    for block in model.blocks:
        block.compile(dynamic=False, **options)


class Text:
    """A model that generates: caches as long as the text, and a step that needs nothing of the host."""

    def __init__(self, shape, context):
        self.model = made(lambda: Llama(shape, context, norm=getattr(nn, "RMSNorm", Norm))).eval()
        size = (1, shape.kv_heads, context, shape.head_width)
        self.caches = [
            tuple(torch.zeros(size, device=DEVICE, dtype=torch.bfloat16) for _ in range(2)) for _ in self.model.blocks
        ]
        for tensor in (t for cache in self.caches for t in cache):
            torch._dynamo.mark_static_address(tensor)
        self.places = torch.arange(context, device=DEVICE)
        self.ids = torch.zeros(1, device=DEVICE, dtype=torch.long)
        self.at = torch.zeros(1, device=DEVICE, dtype=torch.long)

    def prompt(self, ids):
        """The logits of the last token of a prompt as long as the caches."""
        model = self.model
        x = model.embedding(ids).unsqueeze(0)
        for block, cache in zip(model.blocks, self.caches):
            x = block(x, model.cos, model.sin, cache, self.places)
        return model.head(model.norm(x[:, -1]))

    def logits(self, ids, at):
        """Of one token, whose position is on the device."""
        model = self.model
        seen = (self.places <= at).view(1, 1, 1, -1)
        cos, sin = model.cos[at], model.sin[at]
        x = model.embedding(ids).unsqueeze(0)
        for block, cache in zip(model.blocks, self.caches):
            x = block(x, cos, sin, cache, at, seen)
        return model.head(model.norm(x[:, -1]))

    def step(self):
        self.ids.copy_(self.logits(self.ids, self.at).argmax(-1))
        self.at.add_(1)

    def graph(self):
        """The step as a CUDA graph."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.at.zero_()
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay


@torch.no_grad()
def generate(prompt, tokens, name):
    copies, products = limits()
    shape = shape_named(name)
    columns = (f"{name} in bf16", "test", "t/s", "rate", "of measured limit", "memory")
    header(*columns)
    flops = 2 * (shape.in_blocks() + shape.in_output() / prompt) + attention_flops(shape.layers, shape.width, prompt)

    def prefill(compiled):
        text = Text(shape, prompt)
        if compiled:
            compile_blocks(text.model)
        ids = torch.randint(shape.vocabulary, (prompt,), device=DEVICE)
        rate = prompt / seconds(lambda: text.prompt(ids), 5)
        return f"{rate:.1f}", f"{rate * flops / 1e12:.1f} TFLOP/s", percent(rate * flops / products), memory()

    def decode(prepare):
        text = Text(shape, tokens)
        step = prepare(text)

        def run():
            text.at.zero_()
            for _ in range(tokens):
                step()

        rate = tokens / seconds(run, 3)
        read = 2 * (shape.in_blocks() + shape.in_output()) * rate
        return f"{rate:.1f}", f"{read / 1e9:.1f} GB/s", percent(read / copies), memory()

    def tg(how, prepare):
        tried(len(columns), (how, f"tg{tokens}"), lambda: decode(prepare))

    def pp(how, compiled):
        tried(len(columns), (how, f"pp{prompt}"), lambda: prefill(compiled))

    tg("torch eager", lambda text: text.step)
    if DEVICE == "cuda":
        tg("torch eager, CUDA graph", Text.graph)
    tg("torch compiled blocks" + (", CUDA graph" if DEVICE == "cuda" else ""), compiled_step)
    pp("torch eager", False)
    pp("torch compiled blocks", True)
    if DEVICE == "cuda" and name == "1b":  # Compiling takes minutes for more blocks.
        tg("torch.compile, reduce-overhead", compiled_whole)


def compiled_step(text):
    # With this option products with one row become sums that the compiler fuses.
    compile_blocks(text.model, options={"coordinate_descent_tuning": DEVICE == "cuda"})
    text.step()
    return text.graph() if DEVICE == "cuda" else text.step


def compiled_whole(text):
    # What the mode reduce-overhead is, and the option of compiled_step.
    options = {"triton.cudagraphs": True, "coordinate_descent_tuning": DEVICE == "cuda"}
    logits = torch.compile(text.logits, options=options, dynamic=False, fullgraph=True)

    def step():
        torch.compiler.cudagraph_mark_step_begin()
        text.ids.copy_(logits(text.ids, text.at).argmax(-1))
        text.at.add_(1)

    return step


class Adapted(nn.Module):
    """A frozen linear layer with an adapter, as PEFT makes it: in float32 over a base in bf16."""

    def __init__(self, inputs, outputs, rank, dropout):
        super().__init__()
        self.base = plain(inputs, outputs)
        self.base.weight.requires_grad_(False)
        self.a = nn.Linear(inputs, rank, bias=False, dtype=torch.float32)
        self.b = nn.Linear(rank, outputs, bias=False, dtype=torch.float32)
        nn.init.zeros_(self.b.weight)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        out = self.base(x)
        adapted = self.b(self.a(self.dropout(x.to(self.a.weight.dtype)))) * 2.0
        return (out + adapted).to(out.dtype)


def adapted_llama(shape, length, rank):
    def build():
        return Llama(shape, length, linear=lambda inputs, outputs: Adapted(inputs, outputs, rank, 0.05))

    model = made(build)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith((".a.weight", ".b.weight")))
    return model.train()


def peft_llama(shape, rank):
    """The same from Hugging Face's libraries."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=shape.width, intermediate_size=shape.hidden, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads, vocab_size=shape.vocabulary,
        max_position_embeddings=8192, use_cache=False, tie_word_embeddings=shape.tied, attn_implementation="sdpa")
    adapter = LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM")
    return made(lambda: get_peft_model(LlamaForCausalLM(config), adapter)).train()


def lora(length, batch, rank, name):
    limits()
    shape = shape_named(name)
    header("LoRA of " + name, *TRAINING[1:])

    def hand_written(compiled, recompute):
        model = adapted_llama(shape, length, rank)
        if compiled:
            compile_blocks(model)

        def loss(ids):
            logits = model(ids, recompute)[:, :-1].float()
            return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))

        return lora_step(model, loss, shape, batch, length)

    def peft():
        model = peft_llama(shape, rank)
        return lora_step(model, lambda ids: model(input_ids=ids, labels=ids).loss, shape, batch, length)

    def one(how, measure):
        tried(len(TRAINING), (how, "bf16 autocast", f"{batch} x {length}"), measure)

    one("torch eager", lambda: hand_written(False, False))
    one("torch compiled blocks", lambda: hand_written(True, False))
    one("PEFT and transformers", peft)
    one("torch eager, recomputing", lambda: hand_written(False, True))
    one("torch compiled blocks, recomputing", lambda: hand_written(True, True))


def lora_step(model, loss, shape, batch, length):
    precise(True)
    parameters = [p for p in model.parameters() if p.requires_grad]
    trained = sum(p.numel() for p in parameters)
    optimizer = torch.optim.AdamW(parameters, lr=1e-5, fused=DEVICE == "cuda")
    ids = torch.randint(shape.vocabulary, (batch, length), device=DEVICE)

    def step():
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            value = loss(ids)
        value.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    time_of_step = seconds(step, 5)
    matrices = shape.in_blocks() + shape.in_output()
    # Of frozen matrices there are derivatives by their inputs alone.
    flops = 4 * matrices + 3 * attention_flops(shape.layers, shape.width, length) + 6 * trained
    return step_cells(time_of_step, batch * length, flops, "bf16")


def info():
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "no GPU that it can use"
    print(f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}: {name}")


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    words = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    numbers = [int(word) for word in words[1:] if word.isdigit()]
    match words:
        case ["info"]:
            info()
        case ["train", _, *_]:
            train(numbers[0], numbers[1:])
        case ["precisions", _, _]:
            precisions(*numbers)
        case ["generate", _, _, name]:
            generate(*numbers, name)
        case ["lora", _, _, _, name]:
            lora(*numbers, name)
        case ["products", *_]:
            products(numbers)
        case ["attention"]:
            attention()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
