"""The languages that a course can be written in, and what stands above a lesson's parts in each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its English name, and the headings of a lesson in it."""

    name: str
    objectives: str
    example: str
    exercises: str


LANGUAGES = {
    "en": Language("English", "What you will learn", "Example", "Exercises"),
    "zh": Language("Chinese", "学习目标", "示例", "练习"),
    "nl": Language("Dutch", "Wat je leert", "Voorbeeld", "Oefeningen"),
    "fr": Language("French", "Ce que vous allez apprendre", "Exemple", "Exercices"),
    "de": Language("German", "Was Sie lernen", "Beispiel", "Übungen"),
    "it": Language("Italian", "Che cosa imparerai", "Esempio", "Esercizi"),
    "ja": Language("Japanese", "学ぶこと", "例", "練習問題"),
    "ko": Language("Korean", "학습 목표", "예시", "연습 문제"),
    "pl": Language("Polish", "Czego się nauczysz", "Przykład", "Ćwiczenia"),
    "pt": Language("Portuguese", "O que vai aprender", "Exemplo", "Exercícios"),
    "es": Language("Spanish", "Qué aprenderás", "Ejemplo", "Ejercicios"),
    "sv": Language("Swedish", "Vad du lär dig", "Exempel", "Övningar"),
}
"""By ISO 639 code."""
