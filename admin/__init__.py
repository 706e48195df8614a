"""What the coordinator does: roster and import, plan, badges, exports, dashboard, people and roles."""
