"""The part of the store that keeps how sets are split, and gives the parts as sets of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import pack
from llmopt_core.runs.question_splits import (
    DEFAULT_SHARES,
    Split,
    SplitPlan,
    assign_parts,
    make_plan,
    part_name,
    part_of,
    plan_from,
    select_part,
)
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_sets import EvaluationSetStore
from llmopt_core.runs.tables import now, projects
from llmopt_core.runs.tables_labs import versions
from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import EvaluationSet, fingerprint
from llmopt_core.types.parts import PARTS

_KIND = "split"
# Pages ask at every drawing; an entry is a version's ids and sizes.
_CACHE_SIZE = 64


@retrying
class SplitStore(EvaluationSetStore):
    """Splits of evaluation sets. A part has a name of its own (`questions, confirm`) and is read like any set."""

    _splits: dict[tuple[str, str], tuple[Split, dict[str, str]]]

    def make_split(
        self,
        project: Project | str,
        set_name: str,
        shares: Sequence[int] = DEFAULT_SHARES,
        seed: int = 0,
        wanted: Mapping[str, str] | None = None,
    ) -> Split:
        """Split the newest version of a set anew; arguments as of `question_splits.make_plan`.

        Raises:
            BadInput: There is no such set, it cannot be split so, or a set has the name of a part.
        """
        names = {item.name for item in self.evaluation_sets(project)}
        for part in PARTS:
            if part_name(set_name, part) in names:
                raise BadInput(f"There is a set named {part_name(set_name, part)} already; delete it first.")
        if part_of(set_name) and set_name not in names:
            raise BadInput(f"{set_name} is a part of a split already; split the whole set.")
        plan, split = make_plan(EvaluationSetStore.evaluation_set(self, project, set_name), shares, seed, wanted)
        self._save_plan(project, set_name, plan)
        return split

    def keep_split(self, project: Project | str, set_name: str, plan: SplitPlan) -> None:
        """Keep how a set is split, where it is not kept so already."""
        if self.split_plan(project, set_name) != plan:
            self._save_plan(project, set_name, plan)

    def remove_split(self, project: Project | str, set_name: str) -> None:
        """Forget how a set is split; runs over its parts keep their questions."""
        self._save_plan(project, set_name, None)

    def split_plan(self, project: Project | str, set_name: str) -> SplitPlan | None:
        """How a set is split; None where it is not."""
        return self._plans(project).get(set_name)

    def split(self, project: Project | str, set_name: str) -> Split | None:
        """Which question of the newest version stands in which part; None where the set is not split.

        Raises:
            BadInput: There is no such set.
        """
        plan = self.split_plan(project, set_name)
        if plan is None:
            return None
        return self._split(EvaluationSetStore.evaluation_set(self, project, set_name), plan)[0]

    def evaluation_sets(
        self, project: Project | str, *, every_version: bool = False, parts: bool = False
    ) -> list[SavedSet]:
        """As of `EvaluationSetStore`; with `parts` each split set is followed by those of its parts with questions."""
        saved_sets = super().evaluation_sets(project, every_version=every_version)
        plans = self._plans(project) if parts else {}
        result = []
        for item in saved_sets:
            result.append(item)
            if item.name in plans:
                result += self._saved_parts(project, item, plans[item.name])
        return result

    def evaluation_set(self, project: Project | str, name: str, version: str | None = None) -> EvaluationSet:
        """As of `EvaluationSetStore`; the name of a part gives its questions in the newest version of its set."""
        part = part_of(name)
        if version is not None:
            # Of a part too: what a run has asked is kept under the part's name.
            with suppress(BadInput):
                return super().evaluation_set(project, name, version)
        plan = self.split_plan(project, part[0]) if part else None
        if part is None or plan is None:
            return super().evaluation_set(project, name, version)
        newest = EvaluationSetStore.evaluation_set(self, project, part[0])
        questions = select_part(newest, self._split(newest, plan)[0], part[1])
        if version is None or questions.version == version:
            return questions
        return super().evaluation_set(project, name, version)

    def save_evaluation_set(self, project: Project | str, item: EvaluationSet) -> SavedSet:
        """As of `EvaluationSetStore`.

        Raises:
            BadInput: A part of another set has this name.
        """
        part = part_of(item.name)
        if part is not None and self.split_plan(project, part[0]) is not None:
            raise BadInput(f"{item.name} is a part of the split of {part[0]}; choose another name.")
        return super().save_evaluation_set(project, item)

    def delete_evaluation_set(self, project: Project | str, name: str) -> None:
        """As of `EvaluationSetStore`, with how it is split.

        Raises:
            BadInput: A run or a job over it or one of its parts is under way.
        """
        project_id = self._project_id(project)
        for part in PARTS if self.split_plan(project, name) else ():
            with self._removing(f"The set {name}", project_id, part_name(name, part)):
                pass
        super().delete_evaluation_set(project, name)
        with self.database.write() as connection:
            connection.execute(sa.delete(versions).where(_has_name(project_id, name)))

    def _saved_parts(self, project: Project | str, item: SavedSet, plan: SplitPlan) -> list[SavedSet]:
        key = (item.version, fingerprint(plan.as_values()))
        entry = self._cache().get(key)
        if entry is None:
            entry = self._split(EvaluationSetStore.evaluation_set(self, project, item.name), plan)
        split, part_versions = entry
        return [
            replace(item, name=part_name(item.name, part), version=part_versions[part], size=size)
            for part, size in split.sizes.items()
            if size
        ]

    def _split(self, questions: EvaluationSet, plan: SplitPlan) -> tuple[Split, dict[str, str]]:
        """The parts of this version, and the version of each part."""
        key, cache = (questions.version, fingerprint(plan.as_values())), self._cache()
        if key not in cache:
            split = assign_parts(questions, plan)
            while len(cache) >= _CACHE_SIZE:
                cache.pop(next(iter(cache)), None)
            cache[key] = split, {part: select_part(questions, split, part).version for part in PARTS}
        return cache[key]

    def _cache(self) -> dict[tuple[str, str], tuple[Split, dict[str, str]]]:
        if not hasattr(self, "_splits"):
            self._splits = {}
        return self._splits

    def _plans(self, project: Project | str) -> dict[str, SplitPlan]:
        project_id = self._project_id(project)
        query = sa.select(versions.c.name, versions.c.body).where(
            versions.c.project_id == project_id, versions.c.kind == _KIND
        )
        with self.database.read() as connection:
            # The newest comes last and stays in the dictionary.
            bodies = {row.name: row.body for row in connection.execute(query.order_by(versions.c.number))}
        plans = {
            name: plan_from(self._readable(project_id, f"The split of {name}", body)) for name, body in bodies.items()
        }
        return {name: plan for name, plan in plans.items() if plan is not None}

    def _save_plan(self, project: Project | str, set_name: str, plan: SplitPlan | None) -> None:
        project_id, body = self._project_id(project), {} if plan is None else plan.as_values()
        newest = sa.select(sa.func.max(versions.c.number)).where(_has_name(project_id, set_name))
        with self.database.write() as connection:
            # On a server two savers take turns by the project's row.
            connection.execute(sa.select(projects.c.id).where(projects.c.id == project_id).with_for_update())
            number = (connection.scalar(newest) or 0) + 1
            connection.execute(
                sa.insert(versions),
                {
                    "project_id": project_id, "kind": _KIND, "name": set_name, "number": number,
                    "fingerprint": fingerprint(body), "note": "", "saved_at": now(), "body": pack(body),
                },
            )  # fmt: skip


def _has_name(project_id: int, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(versions.c.project_id == project_id, versions.c.kind == _KIND, versions.c.name == name)
