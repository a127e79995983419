"""Every message for a problem that a user can cause, by code, in Spanish and in English.

A message says what is wrong and with which value, why it matters, and what to do.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """One message in one language. The three parts are `str.format` templates over the same values."""

    what: str
    why: str
    do: str


@dataclass(frozen=True)
class Message:
    """One message in both languages."""

    es: Text
    en: Text


class FlowOpsError(Exception):
    """A problem that a user can mend; its text is the whole message, ready to print."""

    def __init__(self, code: str, **values: Any) -> None:
        """Take a code of `MESSAGES` and the values that its text names."""
        self.code = code
        self.values = values
        super().__init__(code)

    def __str__(self) -> str:
        """Render the message; only now, because the language may be what cannot be read."""
        return render(self.code, **self.values)


def language() -> str:
    """Return `es` or `en`: the variable `FLOW_LANGUAGE` if it is one of them, else the repository's own."""
    chosen = os.environ.get("FLOW_LANGUAGE", "")
    if chosen in ("es", "en"):
        return chosen
    # Imported here: project raises messages of this module.
    from flow_ops import project  # noqa: PLC0415

    try:
        return project.current().language
    except (FlowOpsError, OSError):
        return "es"


def render(code: str, **values: Any) -> str:
    """Return the message of `code` in the repository's language, on three lines.

    Raises:
        KeyError: `code` is unknown, or its text names a value that was not given.
    """
    spanish = language() == "es"
    text = MESSAGES[code].es if spanish else MESSAGES[code].en
    why, do = ("Por qué", "Qué hacer") if spanish else ("Why", "What to do")
    return "\n".join(
        (
            f"{code}  {text.what.format(**values)}",
            f"  {why}: {text.why.format(**values)}",
            f"  {do}: {text.do.format(**values)}",
        )
    )


def print_error(error: FlowOpsError) -> None:
    """Print the message on stderr."""
    print(error, file=sys.stderr)  # noqa: T201


MESSAGES: dict[str, Message] = {
    # --- project: the repository itself
    "FT-PROJECT-01": Message(
        es=Text(
            what="No se encontró un pyproject.toml con la tabla [tool.flow-ops] desde {folder} hacia arriba.",
            why="flow_ops lee de ahí el nombre del paquete, el idioma y la zona horaria.",
            do="ejecutá el comando dentro del repositorio del flujo, o indicá su carpeta en FLOW_PROJECT_ROOT.",
        ),
        en=Text(
            what="No pyproject.toml with a [tool.flow-ops] table was found from {folder} upwards.",
            why="flow_ops reads the package's name, the language and the time zone there.",
            do="run the command inside the flow's repository, or name its folder in FLOW_PROJECT_ROOT.",
        ),
    ),
    "FT-PROJECT-02": Message(
        es=Text(
            what="Falta «{key}» en {file}.",
            why="la tabla [tool.flow-ops] debe estar completa para que los nombres coincidan en todas partes.",
            do="agregá la clave, o recuperá la tabla con: git checkout -- pyproject.toml",
        ),
        en=Text(
            what="{key!r} is missing in {file}.",
            why="the [tool.flow-ops] table must be whole for the names to agree everywhere.",
            do="add the key, or restore the table with: git checkout -- pyproject.toml",
        ),
    ),
    # --- command line and server
    "FT-ARGS-01": Message(
        es=Text(
            what="La línea de comandos no se entiende: {problem}",
            why="un nombre mal escrito haría otra cosa que la esperada.",
            do="mirá las opciones con: {command} --help",
        ),
        en=Text(
            what="The command line is not understood: {problem}",
            why="a mistyped name would do something else than expected.",
            do="see the options with: {command} --help",
        ),
    ),
    "FT-ARGS-02": Message(
        es=Text(
            what="{option} no admite el valor «{value}»: {problem}.",
            why="los parámetros tienen los tipos de la firma del flujo.",
            do="corregí el valor; las listas y los modelos se escriben en JSON, las fechas como 2026-12-31.",
        ),
        en=Text(
            what="{option} does not take the value {value!r}: {problem}.",
            why="parameters have the types of the flow's signature.",
            do="correct the value; lists and models are written as JSON, dates as 2026-12-31.",
        ),
    ),
    "FT-RUN-01": Message(
        es=Text(
            what="La ejecución terminó en estado {state}: {reason}",
            why="una tarea o el flujo falló; la traza está más arriba y en el archivo de logs.",
            do="corregí la causa y volvé a ejecutar el mismo comando.",
        ),
        en=Text(
            what="The run ended in state {state}: {reason}",
            why="a task or the flow failed; the traceback is above and in the log file.",
            do="mend the cause and run the same command again.",
        ),
    ),
    "FT-SERVER-01": Message(
        es=Text(
            what="El servidor de Prefect en {url} no responde: {problem}.",
            why="PREFECT_API_URL (variable de entorno o perfil) dice que las ejecuciones se registran ahí.",
            do="encendé el servidor o corregí la dirección; sin ella se usa un servidor temporal: prefect config unset PREFECT_API_URL",
        ),
        en=Text(
            what="The Prefect server at {url} does not answer: {problem}.",
            why="PREFECT_API_URL (environment variable or profile) says that runs are recorded there.",
            do="start the server or correct the address; without one a temporary server is used: prefect config unset PREFECT_API_URL",
        ),
    ),
    # --- logs
    "FT-LOGS-01": Message(
        es=Text(
            what="{variable} no puede valer {value!r}; se usa {default!r}.",
            why="un error en los ajustes de registro no debe hacer fallar una ejecución.",
            do="poné en {variable} uno de estos valores: {allowed}.",
        ),
        en=Text(
            what="{variable} cannot be {value!r}; {default!r} is used.",
            why="a mistake in the log settings must not fail a run.",
            do="set {variable} to one of these: {allowed}.",
        ),
    ),
    "FT-LOGS-02": Message(
        es=Text(
            what="No se puede escribir en el archivo de registro {file}: {error}.",
            why="la ejecución continúa y sus registros llegan a la terminal y a la interfaz, pero no al archivo.",
            do="revisá los permisos de la carpeta y el espacio en disco, o indicá otra carpeta en FLOW_LOG_DIR.",
        ),
        en=Text(
            what="The log file {file} cannot be written: {error}.",
            why="the run goes on and its records reach the terminal and the UI, but not the file.",
            do="check the folder's permissions and the space on the disk, or name another folder in FLOW_LOG_DIR.",
        ),
    ),
    # --- variables and secrets
    "FT-VARIABLE-01": Message(
        es=Text(
            what="«{name}» no puede ser el nombre de una Variable.",
            why="Prefect admite solo letras minúsculas sin acento, números, guiones y guiones bajos, hasta 255.",
            do="usá un nombre como «{suggestion}», en el código y en el servidor.",
        ),
        en=Text(
            what="{name!r} cannot be the name of a Variable.",
            why="Prefect allows only a-z, 0-9, dashes and underscores, 255 at most.",
            do="use a name such as {suggestion!r}, in the code and on the server.",
        ),
    ),
    "FT-VARIABLE-02": Message(
        es=Text(
            what="La Variable «{name}» no existe en el servidor.",
            why="el código la pide sin un valor por defecto, así que la ejecución no puede seguir.",
            do="creala en {where}, o con: prefect variable set {name} VALOR; o pasá default=... en el código.",
        ),
        en=Text(
            what="The Variable {name!r} does not exist on the server.",
            why="the code asks for it without a default, so the run cannot go on.",
            do="create it at {where}, or with: prefect variable set {name} VALUE; or give default=... in the code.",
        ),
    ),
    "FT-VARIABLE-03": Message(
        es=Text(
            what="El valor de la Variable «{name}» no es de tipo {type} ({reason}).",
            why="un valor de otro tipo fallaría más adelante, lejos de su causa.",
            do="corregí el valor en la interfaz de Prefect, en Variables, o el tipo en el código.",
        ),
        en=Text(
            what="The value of the Variable {name!r} is not of type {type} ({reason}).",
            why="a value of another type would fail later, far from its cause.",
            do="mend the value in Prefect's UI, under Variables, or the type in the code.",
        ),
    ),
    "FT-VARIABLE-04": Message(
        es=Text(
            what="La Variable «{name}» se leyó fuera de una ejecución.",
            why="leer al importar el módulo exige un servidor en las pruebas, al desplegar y en el editor, "
            "y congela el valor.",
            do="llamá a variable() dentro de una función con @flow o @task; en las pruebas, usá el fixture «variables».",
        ),
        en=Text(
            what="The Variable {name!r} was read outside a run.",
            why="reading where a module is imported needs a server in tests, deployments and editors, "
            "and freezes the value.",
            do="call variable() inside a function with @flow or @task; in tests, use the fixture 'variables'.",
        ),
    ),
    "FT-SECRET-01": Message(
        es=Text(
            what="«{name}» no puede ser el nombre de un bloque Secret.",
            why="Prefect admite solo letras minúsculas sin acento, números y guiones, sin guiones bajos.",
            do="usá un nombre como «{suggestion}», en el código y en el servidor.",
        ),
        en=Text(
            what="{name!r} cannot be the name of a Secret block.",
            why="Prefect allows only a-z, 0-9 and dashes, no underscores.",
            do="use a name such as {suggestion!r}, in the code and on the server.",
        ),
    ),
    "FT-SECRET-02": Message(
        es=Text(
            what="El bloque Secret «{name}» no existe en el servidor.",
            why="el código lo necesita, así que la ejecución no puede seguir.",
            do="crealo en {where}, con el nombre {name}.",
        ),
        en=Text(
            what="The Secret block {name!r} does not exist on the server.",
            why="the code needs it, so the run cannot go on.",
            do="create it at {where}, with the name {name}.",
        ),
    ),
    "FT-SECRET-03": Message(
        es=Text(
            what="El valor del bloque Secret «{name}» no es de tipo {type} ({reason}); no se muestra.",
            why="un valor de otro tipo fallaría más adelante, lejos de su causa.",
            do="corregí el valor en la interfaz de Prefect, en Blocks, o el tipo en el código.",
        ),
        en=Text(
            what="The value of the Secret block {name!r} is not of type {type} ({reason}); it is not shown.",
            why="a value of another type would fail later, far from its cause.",
            do="mend the value in Prefect's UI, under Blocks, or the type in the code.",
        ),
    ),
    "FT-SECRET-04": Message(
        es=Text(
            what="El bloque Secret «{name}» se leyó fuera de una ejecución.",
            why="leer al importar el módulo exige un servidor en las pruebas, al desplegar y en el editor, "
            "y deja el secreto en la memoria de todos ellos.",
            do="llamá a secret() dentro de una función con @flow o @task; en las pruebas, usá el fixture «secrets».",
        ),
        en=Text(
            what="The Secret block {name!r} was read outside a run.",
            why="reading where a module is imported needs a server in tests, deployments and editors, "
            "and leaves the secret in the memory of all of them.",
            do="call secret() inside a function with @flow or @task; in tests, use the fixture 'secrets'.",
        ),
    ),
    # --- deployment and preflight
    # --- watchdog
    "FT-WATCHDOG-01": Message(
        es=Text(
            what="El límite «{limit}» del watchdog es {value!r}, y el mínimo es {shortest}.",
            why="Prefect no vigila plazos más cortos, y un latido puede perderse sin que la ejecución esté caída.",
            do="poné en deploy.py un timedelta de {shortest} o más, por ejemplo Limits({limit}=timedelta(hours=2)).",
        ),
        en=Text(
            what="The watchdog's limit {limit!r} is {value!r}; the minimum is {shortest}.",
            why="Prefect watches no shorter times, and one heartbeat may be lost without the run being dead.",
            do="set a timedelta of {shortest} or more in deploy.py, such as Limits({limit}=timedelta(hours=2)).",
        ),
    ),
    "FT-WATCHDOG-02": Message(
        es=Text(
            what="El timeout del flujo es {timeout} segundos y el watchdog cancela a las {limit}.",
            why="el timeout del flujo debe llegar antes: deja que las tareas cierren lo suyo y el estado dice TimedOut; "
            "el watchdog solo mata el proceso.",
            do="bajá timeout_seconds en @flow, o subí Limits(running=...) en deploy.py.",
        ),
        en=Text(
            what="The flow's timeout is {timeout} seconds and the watchdog cancels after {limit}.",
            why="the flow's own timeout must come first: tasks can clean up and the state says TimedOut; "
            "the watchdog only kills the process.",
            do="lower timeout_seconds in @flow, or raise Limits(running=...) in deploy.py.",
        ),
    ),
    "FT-WATCHDOG-03": Message(
        es=Text(
            what="«{block}» no nombra un bloque de notificaciones.",
            why="Prefect identifica un bloque por su tipo y su nombre, separados por una barra.",
            do='escribí Notification(block="slack-webhook/operaciones") en deploy.py, con el tipo y el nombre del bloque.',
        ),
        en=Text(
            what="{block!r} does not name a notification block.",
            why="Prefect knows a block by its type and its name, with a slash between them.",
            do='write Notification(block="slack-webhook/operations") in deploy.py, with the block\'s type and name.',
        ),
    ),
    "FT-WATCHDOG-04": Message(
        es=Text(
            what="El bloque «{block}» no existe en {server}.",
            why="sin él no llegaría ningún aviso cuando una ejecución falla o el watchdog la cancela.",
            do="crealo en la interfaz de Prefect, Blocks > +, tipo {type}, nombre {name}; o quitá la notificación de deploy.py.",
        ),
        en=Text(
            what="The block {block!r} does not exist on {server}.",
            why="without it nobody would hear of a run that failed or that the watchdog cancelled.",
            do="create it in Prefect's UI, Blocks > +, type {type}, name {name}; or drop the notification from deploy.py.",
        ),
    ),
    "FT-WATCHDOG-05": Message(
        es=Text(
            what="El bloque «{block}» no sirve para notificar.",
            why="las automatizaciones de Prefect avisan solo por bloques de notificación o por el bloque webhook.",
            do="nombrá en deploy.py un bloque de tipo webhook, custom-webhook, slack-webhook, ms-teams-webhook o sendgrid-email.",
        ),
        en=Text(
            what="The block {block!r} cannot send notifications.",
            why="Prefect's automations notify only through notification blocks or the webhook block.",
            do="name a block of type webhook, custom-webhook, slack-webhook, ms-teams-webhook or sendgrid-email in deploy.py.",
        ),
    ),
    "FT-WATCHDOG-06": Message(
        es=Text(
            what="El servidor {server} no permite automatizaciones (respuesta {status}).",
            why="el watchdog son automatizaciones de Prefect: sin ellas nadie cancelaría una ejecución trabada.",
            do="desplegá el flujo de mantenimiento, que aplica las mismas reglas cada 30 minutos: ver flow_ops/maintenance.py.",
        ),
        en=Text(
            what="The server {server} does not allow automations (answer {status}).",
            why="the watchdog is made of Prefect automations: without them nobody would cancel a stuck run.",
            do="deploy the maintenance flow, which applies the same rules every 30 minutes: see flow_ops/maintenance.py.",
        ),
    ),
    # --- worker service
    # --- testing
    # --- updates
}
