"""Starting a fine-tuning job: what to learn from, where to train, and what leaves the machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import ValidationError

from llmopt_core.errors import BadInput, OutOfBudget, field_problem
from llmopt_core.experiments.versions.training_sets import TrainingSetVersion, training_sets
from llmopt_core.finetuning.finetuners import Access
from llmopt_core.finetuning.jobs.job import LOCAL, Job, JobRequest
from llmopt_core.finetuning.openai.upload_summary import UploadSummary
from llmopt_core.finetuning.training_price import TrainingPrice
from llmopt_core.labs.finetuning.catalogue import list_chat_models
from llmopt_core.labs.finetuning.jobs import (
    free_name,
    model_name,
    price_of,
    resume,
    rough_seconds,
    start,
    summarize_departure,
)
from llmopt_core.labs.finetuning.upload_jobs import UPLOAD, UploadArguments
from llmopt_core.models.base import BUILTIN
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.runs.values import Project
from llmopt_core.types import fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field
from llmopt_ui.components import empty_state, show_errors
from llmopt_ui.finetuning.fields import hyperparameter_fields
from llmopt_ui.finetuning.tabs import DATA, finetuning_state, open_tab
from llmopt_ui.finetuning.training_overlap import training_overlap_view
from llmopt_ui.keys import endpoints, keys_of
from llmopt_ui.model_choice import model_choice
from llmopt_ui.pickers import apply_request
from llmopt_ui.resources import settings, start_job, store, training_line
from llmopt_ui.session import notify

SET, PROVIDER, NAME, START, AGREED = "start_set", "start_provider", "start_name", "start_job", "start_agreed"
_KINDS = {"lora": "The chat model (LoRA)", "embedding": "The embedding model"}


@dataclass(frozen=True)
class TrainingRequest:
    """What the form says."""

    training_set: TrainingSetVersion
    provider: str
    kind: str
    request: JobRequest
    validate: bool


def access() -> Access:
    """The trainers of this session, with its keys."""
    endpoints_by_name = endpoints(settings())
    return Access(settings(), endpoints_by_name, keys_of(endpoints_by_name), training_line())


def start_form(project: Project, jobs: Sequence[Job]) -> None:
    """The whole form, from the training set to the button."""
    versions = {item.label: item for item in training_sets(store(), project)}
    if not versions:
        empty_state("No training set yet", "Collect examples and save them as a training set first.",
                    ":material/school:").button("Training data", key="start_to_data", on_click=open_tab,
                                                args=(DATA,))  # fmt: skip
        return
    apply_request(SET, list(versions))
    one, two, three = st.columns(3, gap="medium")
    label = one.selectbox("Training set", list(versions), key=SET, format_func=lambda name: _set_label(versions[name]))
    version = versions[label]
    provider = two.selectbox("Trained", [LOCAL, *services()], key=PROVIDER, format_func=_place)
    kind = "service"
    if provider == LOCAL:
        kind = three.selectbox("What is fine-tuned", list(_KINDS), key="start_kind", format_func=_KINDS.__getitem__,
                               help=explain_terms("lora"))  # fmt: skip
    values, base = _service_fields(three, provider) if provider != LOCAL else ({}, "builtin")
    name = one.text_input(
        "Name of the fine-tuned model", free_name(model_name(version, kind), jobs, list_chat_models(settings())),
        key=f"{NAME}_{label}_{kind}_{finetuning_state().forms}", max_chars=40,
    )  # fmt: skip
    seed = two.number_input("Seed", 0, 1_000_000, 0, key="start_seed", help="The same seed and data give the same.")
    validate = three.toggle("Watch validation", version.validation is not None, key=f"start_validate_{label}",
                            disabled=version.validation is None,
                            help="Needs a part held back; it shows overfitting and stops early.")  # fmt: skip
    training_overlap_view(
        project, version.train.examples, version.validation.examples if version.validation and validate else ()
    )
    with st.container(border=True):
        # Pairs of preference are learned by DPO, which has a field of its own.
        values["hyperparameters"] = hyperparameter_fields(kind, preference=version.train.kind == "preference")
    with show_errors():
        method = "dpo" if version.train.kind == "preference" else "supervised"
        request = request_from(name=(name or "").strip(), provider=provider, base_model=base, method=method,
                           seed=int(seed), **values)  # fmt: skip
        _button(project, TrainingRequest(version, provider, kind, request, validate), jobs)


def resume_training(project: Project, job: Job) -> None:
    """Go on with a job that ended before it was done; sending to a service takes its time, so that is a job too.

    Raises:
        BadInput: It cannot go on.
    """
    if job.provider == LOCAL:
        resume(access(), job.id)
        notify("Resumed.")
        return
    start_job(UPLOAD.name, project, UploadArguments(name=job.name, provider=job.provider, resumed=job.id))
    notify(f"Going on at {job.provider}; nothing is sent twice.")


def services() -> list[str]:
    """The endpoints that may offer fine-tuning, by name."""
    return [name for name, endpoint in endpoints(settings()).items() if name != BUILTIN and endpoint.base_url]


def _set_label(version: TrainingSetVersion) -> str:
    return f"{version.label} ({fmt.plural(len(version.train.examples), 'example')})"


def _place(provider: str) -> str:
    return "On this machine (built-in model)" if provider == LOCAL else f"At {provider}"


def _service_fields(box: Any, provider: str) -> tuple[dict[str, Any], str]:
    # Nothing at all is sent to a service before the user has agreed.
    base = model_choice(
        box, provider, "", "start_base", label="Base model", placeholder="As the service names it", ask=False
    )
    one, two, _ = st.columns(3, gap="medium")
    price = one.number_input("USD per million tokens", 0.0, None, None, 1.0, key="start_price", placeholder="Unknown",
                             help="The price of training, for the cost of the job.")  # fmt: skip
    budget = budget_field(two, "start_budget", "A job that may cost more is not started; one that the service reports "
                          "to cost more is cancelled.")  # fmt: skip
    return {"price_per_million": price, "budget_usd": budget}, base


def request_from(**values: Any) -> JobRequest:
    """The request these values make.

    Raises:
        BadInput: One of them cannot be; says which.
    """
    if not values["base_model"]:
        raise BadInput("Name the base model, as the service calls it.")
    try:
        return JobRequest.model_validate(values)
    except ValidationError as error:
        # One mistake at a time, in words of the form; a pattern of a regular expression helps nobody.
        first = error.errors(include_url=False)[0]
        if first["loc"][:1] == ("name",):
            raise BadInput(
                "The name of the fine-tuned model may have letters, digits, dots, dashes and underscores, at most 40."
            ) from None
        raise BadInput(f"{'.'.join(map(str, first['loc']))}: {field_problem(first)}.") from None


def _button(project: Project, request: TrainingRequest, jobs: Sequence[Job]) -> None:
    validation = request.training_set.validation if request.validate else None
    where = endpoints(settings()).get(request.provider)
    upload = _summarize_upload(
        request.provider,
        where.base_url if where else "",
        request.training_set.version,
        validation.version if validation else "",
        request.training_set,
    )
    has_consent = upload is None or _consent(request, upload)
    # Only what changes the price: a name that is typed must not count all tokens again.
    key = fingerprint([request.provider, request.request.hyperparameters, request.request.price_per_million])
    price = _price(key, request.training_set.version, request.request, request.training_set)
    if price is not None:
        _price_view(price, request.request.budget_usd)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        submit = st.button("Start the job", key=START, type="primary", icon=":material/play_arrow:",
                            disabled=not has_consent)  # fmt: skip
        st.caption(_expectation_note(request, jobs))
    if submit:
        if price is not None:
            # Checked again at the click: the warning above does not hold anybody back.
            price.check(request.request.budget_usd)
        _start(project, request)


@st.cache_data(max_entries=16, show_spinner="Counting tokens …")
def _price(key: str, version: str, _request: JobRequest, _version: TrainingSetVersion) -> TrainingPrice | None:
    """What it may cost; kept, because counting the tokens of a large set takes its time."""
    return price_of(_request, _version)


def _price_view(price: TrainingPrice, budget_usd: float | None) -> None:
    """What the job may cost, marked where that is more than its budget."""
    try:
        price.check(budget_usd)
    except OutOfBudget:
        sentence = f"{price.sentence} That may be more than the budget of {fmt.dollars(budget_usd or 0.0)}."
        st.warning(fmt.markdown(sentence), icon=":material/warning:")
    except BadInput as error:
        st.warning(fmt.markdown(str(error)), icon=":material/warning:")
    else:
        st.caption(fmt.markdown(price.sentence))


@st.cache_data(max_entries=8, show_spinner=False)
def _summarize_upload(
    provider: str, address: str, version: str, validation_version: str, _version: TrainingSetVersion
) -> UploadSummary | None:
    """What would be sent; kept, because a search for secrets in a large set takes its time."""
    return summarize_departure(access(), provider, _version, validate=bool(validation_version))


def _consent(request: TrainingRequest, upload: UploadSummary) -> bool:
    """What is sent where, and whether the user agreed to exactly that."""
    with st.container(border=True):
        st.markdown(":orange[:material/upload:] **This leaves the machine**")
        st.text(upload.sentence)
        if upload.warning:
            warning = upload.warning[:1].upper() + upload.warning[1:]
            st.markdown(f":red[:material/key: {fmt.markdown(warning)}] The tab Lint names their lines; take them out.")
        else:
            st.caption("No key, token or password was seen in it. Names and other private things nobody but you can "
                       "see: look through it before you agree.")  # fmt: skip
        # The agreement is to exactly this: another set, host or part is a new, empty box.
        what = fingerprint([request.provider, upload.host, request.training_set.version, upload.bytes])
        return st.checkbox(f"I agree to send this to {fmt.markdown(upload.host)}", key=f"{AGREED}_{what}")


def _expectation_note(request: TrainingRequest, jobs: Sequence[Job]) -> str:
    if request.provider != LOCAL:
        return "The service decides when it starts; the page follows it, also after a restart."
    waiting = sum(not job.has_ended and job.provider == LOCAL for job in jobs)
    queue = f" It waits for {fmt.plural(waiting, 'job')} before it." if waiting else ""
    if request.kind == "embedding":
        return f"Trains in a process of its own; nothing leaves this machine.{queue}"
    # From earlier jobs of this machine where there are any. Rounded up to whole minutes: it is no more exact than
    # that.
    seconds = rough_seconds(request.training_set, int(request.request.hyperparameters.get("epochs", 3)), jobs)
    return f"Roughly {fmt.duration(60 * math.ceil(seconds / 60))} on this machine; nothing leaves it.{queue}"


def _start(project: Project, request: TrainingRequest) -> None:
    if request.provider == LOCAL:
        job = start(
            access(),
            request.request,
            request.training_set,
            project=project,
            kind=request.kind,
            validate=request.validate,
        )
        notify(f"{job.name} started; it goes on when this page is closed.")
    else:
        arguments = UploadArguments(
            name=request.request.name, provider=request.provider, training_set=request.training_set.label,
            data_version=request.training_set.version, address=endpoints(settings())[request.provider].base_url,
            request=request.request, validate_too=request.validate,
        )  # fmt: skip
        start_job(UPLOAD.name, project, arguments, {"training data": request.training_set.version})
        notify(f"Sending the data to {request.provider}.")
    finetuning_state().forms += 1
    st.rerun()
