"""Kernels as people write them: structs, overloads, generics, closures, neighbours."""

import math
from typing import Any

import warp as wp
from neighbour import FACTOR, Params, scale

STEPS = 4
TAU = wp.constant(2.0 * math.pi)
UP = wp.vec3(0.0, 1.0, 0.0)
vec7 = wp.types.vector(length=7, dtype=float)


@wp.func
def twice(x: float):
    return scale(x) * 2.0


@wp.func
def twice(x: wp.vec3):  # noqa: F811
    return x * 2.0 * FACTOR


@wp.func
def square(x: Any):
    return x * x


@wp.func
def cube(x: float):
    return x * x * x


@wp.func_grad(cube)
def adj_cube(x: float, adj_ret: float):
    wp.adjoint[x] += 3.0 * x * x * adj_ret


@wp.kernel
def everything(a: wp.array(dtype=float), p: Params, out: wp.array(dtype=float)):
    i = wp.tid()
    v = vec7()
    s = float(0.0)  # noqa: UP018
    for _ in range(STEPS):
        s += twice(a[i]) * TAU + cube(a[i])
    out[i] = s + wp.dot(twice(p.origin), UP) + v[0] + square(2.0) + wp.static(math.sqrt(STEPS))


@wp.kernel
def generic(a: wp.array(dtype=Any), s: Any):
    i = wp.tid()
    a[i] = square(a[i]) * s


wp.overload(generic, [wp.array(dtype=float), float])
wp.overload(generic, [wp.array(dtype=wp.float64), wp.float64])


@wp.kernel
def untyped(a: wp.array(dtype=Any)):
    a[0] = a[1]


def make(c):
    @wp.func
    def f(x: float):
        return x * c

    @wp.kernel
    def made(a: wp.array(dtype=float)):
        i = wp.tid()
        a[i] = f(a[i])

    return made


three, four = make(3.0), make(4.0)


class Holder:
    @wp.func
    def shift(x: float):
        return x + 1.0


@wp.kernel
def method(a: wp.array(dtype=float)):
    a[0] = Holder.shift(a[0])


class Settings:
    def __init__(self, offset):
        self.offset = offset


settings = Settings(2.5)


@wp.kernel
def not_alone(a: wp.array(dtype=float)):
    a[0] = Holder.shift(a[0]) + wp.static(settings.offset)


def never_called():
    @wp.kernel
    def unseen(a: wp.array(dtype=float)):
        a[0] = 1.0

    return unseen


@wp.kernel
def broken(a: wp.array(dtype=float)):
    a[0] = nothing  # noqa: F821


print("users' files print things")
