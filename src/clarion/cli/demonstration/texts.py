"""What the messages of the demonstration say, in several languages."""

from typing import Any


def push(**translations: tuple[str, str]) -> dict[str, Any]:
    """A push by language: title and text; English is for everybody else."""
    return {
        "default_lang": "en",
        "translations": [
            {"language": language, "title": title, "text": text} for language, (title, text) in translations.items()
        ],
    }


MORNING = push(
    en=("Good morning ☀️", "Sun all day, 24 degrees."),
    pt=("Bom dia ☀️", "Sol o dia todo, 24 graus."),
    de=("Guten Morgen ☀️", "Den ganzen Tag Sonne, 24 Grad."),
)
EARLIER = (
    push(en=("Kick-off at eight ⚽", "Two goals decide it."), pt=("Às oito em ponto ⚽", "Dois golos decidem.")),
    push(en=("Just released 🎵", "Eleven songs for a grey day."), es=("Ya disponible 🎵", "Once canciones.")),
    push(en=("Off to the coast", "Trains from 9 €."), de=("Ab ans Meer", "Bahnfahrten ab 9 €.")),
    push(en=("A gift for you 🎁", "One month on us."), pt=("Um presente 🎁", "Um mês por nossa conta.")),
)
EARLIER_NAMES = ("Match of the week", "New album", "Autumn trips", "Thank you")
"""What was sent to each audience before, and under which name."""
PREMIERE = push(
    en=("Premiere on Friday 🎬", "Seats are going fast."),
    pt=("Estreia na sexta 🎬", "Os lugares estão a acabar."),
    de=("Premiere am Freitag 🎬", "Die Plätze werden knapp."),
    ja=("金曜日に初公開 🎬", "お席はお早めに。"),
)
TIPS = (
    push(en=("Tip of the week", "Swipe left to keep an article."), pt=("Dica da semana", "Deslize para guardar.")),
    push(en=("Did you know?", "Press long to share."), pt=("Sabia que…?", "Prima longamente para partilhar.")),
)
WELCOME = push(
    en=('Welcome, {{ ext_id | "friend" }} 👋', "Here is how to begin."),
    pt=('Boas-vindas, {{ ext_id | "friend" }} 👋', "Veja como começar."),
    es=("Te damos la bienvenida 👋", "Así se empieza."),
)
REMINDER = push(en=("Still there?", "Your tickets are waiting."), pt=("Ainda aí?", "Os bilhetes esperam por si."))
OPENING = push(en=("Gates open at six", "Bring your ticket."), de=("Einlass ab sechs", "Ticket nicht vergessen."))
NEWS = push(en=("In brief", "What happened since this morning."), pt=("Em resumo", "O que aconteceu desde a manhã."))
