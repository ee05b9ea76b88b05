"""One job to the compiler that its language names; compilers are imported when first used."""

from __future__ import annotations

from dataclasses import replace

from .outcomes import PAIRED, Extracted, Job, Outcome, Rejected


def extract_job(job: Job) -> Outcome:
    """Compile one kernel in this process; what the compiler refuses comes back as Rejected.

    ValueError when the compiler is missing or of an unsupported version.
    """
    if job.language == PAIRED:
        texts: dict[str, str] = {}
        for half in (replace(job, language="warp"), replace(job, language="jax", python=job.twin)):
            outcome = extract_job(half)
            if isinstance(outcome, Rejected):
                return outcome
            texts |= outcome.texts
        return Extracted(texts)
    if job.language == "warp":
        from .warp_codegen import extract_warp

        return extract_warp(job)
    from .jax_hlo import extract_jax

    return extract_jax(job)


def translation_unit(text: str, device: str) -> str:
    """The whole source that Warp hands to its compiler, from a row's ``cpp`` or ``cuda`` text.

    ``device`` is "cpu" or "cuda"; ValueError for another, or when Warp is not installed.
    """
    from .warp_codegen import translation_unit

    return translation_unit(text, device)
