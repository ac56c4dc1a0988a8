"""The configuration of a client, taken over after a look at what that would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.messages import WARNING
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from .....admin import stores
from .....admin.diffs import Diff, compare
from .....exceptions import InvalidValue
from .....handler import storages
from .... import Document, Engine, formats
from ....exceptions import DocumentChanged, InvalidDocument
from ....formats import Imported
from ....keys import CONFIG
from ....secrets import advice, mask_both
from ....transfer import Import, ImportResult, Mode, selected_servers
from ..dialogs import ImportForm
from ..forms import sentence
from .base import ServersView, as_content, engine_of

_OUTCOMES = {
    "added": "Added",
    "updated": "Updated",
    "unchanged": "Unchanged",
    "skipped": "Skipped: there already",
    "removed": "Removed",
}


@dataclass(kw_only=True)
class Job:
    """An import that was asked for."""

    alias: str
    data: str | bytes
    format: str | None
    mode: Mode
    #: of a file that was uploaded
    path: str = ""
    #: the names to take; None: all
    chosen: list[str] | None = None

    def run(self, engine: Engine) -> ImportResult:
        """Do it."""
        return engine.import_config(self.data, self.format, self.mode, self.chosen)

    def apply(self, imported: Imported, document: Document) -> ImportResult:
        """Do it to a document that is not stored."""
        taken = selected_servers(imported, self.chosen)
        return Import(imported=imported, servers=taken, mode=self.mode, source="import").apply(
            document
        )

    @property
    def text(self) -> str:
        """The data, to be sent again."""
        if isinstance(self.data, str):
            return self.data
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidDocument(f"not UTF-8: byte {error.start}") from None


class ImportView(ServersView):
    """GET shows the form; the first POST tells what would be done, the second one does it."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The form; ``?alias=`` chooses the storage."""
        aliases = self.aliases("change")
        wanted = request.GET.get("alias", "")
        initial = {"alias": wanted if wanted in aliases else aliases[0], "mode": "merge"}
        return self.show(ImportForm(aliases=aliases, initial=initial))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Look, or do."""
        form = ImportForm(request.POST, request.FILES, aliases=self.aliases("change"))
        if not form.is_valid() or "_back" in request.POST:
            return self.show(form)
        cleaned = form.cleaned_data
        job = Job(
            alias=cleaned["alias"],
            data=cleaned["data"],
            format=cleaned["format"] or None,
            mode=cleaned["mode"],
            path=cleaned["file"].name if cleaned.get("file") else "",
        )
        self.require_change(job.alias)
        if "preview" in request.POST:
            job.chosen = request.POST.getlist("server")
        try:
            if "_import" in request.POST:
                return self.take(form, job)
            return self.preview(form, job)
        except InvalidValue as error:
            form.add_error("file" if cleaned.get("file") else "text", sentence(error))
            return self.show(form)

    def take(self, form: ImportForm, job: Job) -> HttpResponseBase:
        """Import, if the document is still the one that was looked at."""
        revision = stores.revision_of(self.request.POST.get("seen", ""))
        engine = engine_of(job.alias)
        try:
            result = job.run(engine if revision is None else engine.at(revision))
        except DocumentChanged:
            self.say("The document was changed meanwhile: look again.", WARNING)
            return self.preview(form, job)
        counts = ", ".join(
            f"{len(names)} {outcome}"
            for outcome in _OUTCOMES
            if (names := getattr(result, outcome))
        )
        self.note(job.alias, f"Imported MCP servers: {counts or 'none'}.")
        return self.go(self.list_url(job.alias), f"Imported into {job.alias}: {counts or 'none'}.")

    def preview(self, form: ImportForm, job: Job) -> TemplateResponse:
        """What the import would do, with the servers to choose from."""
        seen = stores.seen_now(storages[job.alias], CONFIG)
        before = engine_of(job.alias).config()
        after = before.copy()
        imported = formats.parse(job.data, job.format, path=job.path)
        if formats.of_file(job.path) is imported.format:
            # The text alone is sent with the next step.
            job.format = imported.format.name
        result = job.apply(imported, after)
        taken = imported.servers if job.chosen is None else job.chosen
        return self.page(
            "import_preview",
            "Import MCP servers: what would be done",
            form=form,
            job=job,
            result=result,
            title_of_format=imported.format.title,
            outcomes=[(label, getattr(result, name)) for name, label in _OUTCOMES.items()],
            choices=[(name, name in taken) for name in imported.servers],
            advice=[(name, one) for name in taken for one in advice(imported.servers[name])],
            diff=_diff(before, after),
            seen=seen,
        )

    def show(self, form: ImportForm) -> TemplateResponse:
        """The page."""
        return self.page("import", "Import MCP servers", form=form)


def _diff(before: Document, after: Document) -> Diff:
    """What would become of the servers; no secret shows, and no time of change either."""
    one, other = mask_both(_timeless(before), _timeless(after))
    return compare(as_content(one), as_content(other))


def _timeless(document: Document) -> dict[str, Any]:
    servers = document.copy().servers
    for server in servers.values():
        noted = server.get("internal") if isinstance(server, dict) else None
        if isinstance(noted, dict):
            noted.pop("lastModified", None)
    return servers
